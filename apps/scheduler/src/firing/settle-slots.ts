import type { ScheduleSpec } from '@hozen/contracts';

/** How a slot ended. There is no other end: a slot that simply passed would be a backup nobody missed. */
export const FIRE_RESULTS = ['fired', 'coalesced', 'skipped'] as const;
export type FireResult = (typeof FIRE_RESULTS)[number];

export interface SettledSlot {
  slot: Date;
  result: FireResult;
  /** Why nothing was published for this slot. */
  reason?: string;
}

/** A slot decided later than this after its time was missed: no scheduler was there. Milliseconds. */
export const ON_TIME_MS = 10_000;

export type SlotPolicy = Pick<ScheduleSpec, 'enabled' | 'misfire' | 'catchUpLimit'>;

/**
 * Decides what becomes of slots that are due at `now`, given oldest first.
 *
 * Slots on time are fired. Of those missed, `latest` fires the last one, unless one on time follows that does the same
 * work; `all` fires the last `catchUpLimit`; `skip` none.
 *
 * @param more the list is only the beginning: what the policy might still choose is left undecided, at its end
 */
export function settleSlots(slots: readonly Date[], now: Date, policy: SlotPolicy, more = false): SettledSlot[] {
  if (!policy.enabled) return slots.map((slot) => ({ slot, result: 'skipped', reason: 'paused' }));
  const missed = slots.filter((slot) => now.getTime() - slot.getTime() > ON_TIME_MS);
  const onTime = slots.slice(missed.length);
  if (more) return missed.slice(0, missed.length - mayCatchUp(policy)).map((slot) => notCaughtUp(slot, policy));

  const caughtUp = policy.misfire === 'latest' && onTime.length > 0 ? 0 : mayCatchUp(policy);
  const firstFired = missed.length - caughtUp;
  return [
    ...missed.map((slot, index) => (index < firstFired ? notCaughtUp(slot, policy) : fired(slot))),
    ...onTime.map(fired),
  ];
}

/** How many missed slots a policy fires at most. */
export function mayCatchUp({ enabled, misfire, catchUpLimit }: SlotPolicy): number {
  if (!enabled || misfire === 'skip') return 0;
  return misfire === 'latest' ? 1 : catchUpLimit;
}

function fired(slot: Date): SettledSlot {
  return { slot, result: 'fired' };
}

function notCaughtUp(slot: Date, { misfire }: SlotPolicy): SettledSlot {
  if (misfire === 'latest') return { slot, result: 'coalesced', reason: 'a later slot does its work' };
  const reason = misfire === 'all' ? 'missed, and beyond the catch-up limit' : 'missed';
  return { slot, result: 'skipped', reason };
}
