import type { Outbox, Transaction } from '@hozen/messaging';
import { currentTraceId, failpoint, inSpan } from '@hozen/telemetry';
import { firesUntil, nextFire } from '../calendar/cron.js';
import { TIME_ZONE_DATA } from '../calendar/time-zone-data.js';
import { claimDue, type DueSchedule } from './claim-due.js';
import { fireLag, slotsSettled } from './metrics.js';
import { recordSlots } from './record-slots.js';
import { requestEvent, scheduleAsks, slotEventId } from './request-event.js';
import { mayCatchUp, settleSlots, type SettledSlot } from './settle-slots.js';

/** Slots settled in one transaction; what is left after a long outage follows in the next ones. */
const SLOTS_AT_A_TIME = 1000;

/**
 * Settles the due slots of one schedule. Decision, advance and event are one transaction: a scheduler that dies leaves
 * either all of it or nothing, and the event of what it left is published by any instance.
 *
 * @param onClaim told which schedule is worked on, before anything can fail
 * @returns false when no schedule is due
 */
export async function fireDueSchedule(outbox: Outbox, onClaim: (due: DueSchedule) => void): Promise<boolean> {
  const found = await outbox.transaction(async (tx) => {
    const due = await claimDue(tx.manager);
    if (!due) return undefined;
    onClaim(due);
    const settled = settleDueSlots(due);
    await recordSlots(tx.manager, due, settled.filter(isQuiet));
    for (const { slot } of settled.filter(isFired)) await fire(tx, due, slot);
    await advance(tx, due, settled);
    return { due, settled };
  });
  if (!found) return false;
  await failpoint('scheduler.decided');
  measure(found.due, found.settled);
  return true;
}

function settleDueSlots(due: DueSchedule): SettledSlot[] {
  const limit = SLOTS_AT_A_TIME + mayCatchUp(due);
  const slots = firesUntil(due, due.settledUntil, due.now, limit + 1);
  return settleSlots(slots.slice(0, limit), due.now, due, slots.length > limit);
}

/** Each fire begins a trace of its own; everything that follows from it, in any service, belongs to it. */
async function fire(tx: Transaction, due: DueSchedule, slot: Date): Promise<void> {
  const attributes = { 'hozen.schedule': due.name, 'hozen.slot': slot.toISOString() };
  await inSpan(`fire ${due.name}`, { attributes }, async () => {
    const eventId = slotEventId(due.id, slot);
    const event = requestEvent(due, eventId, { trigger: 'automatic', requestedBy: scheduleAsks(due.name) });
    const isNew = await recordSlots(tx.manager, due, [{ slot, result: 'fired', eventId }], currentTraceId());
    if (isNew > 0) await tx.publish(event);
  });
}

async function advance(tx: Transaction, due: DueSchedule, settled: readonly SettledSlot[]): Promise<void> {
  const settledUntil = settled.at(-1)?.slot ?? due.settledUntil;
  await tx.manager.query(
    `update schedules
        set settled_until = $2, next_fire_at = $3, time_zone_data = $4, not_before = null, last_error = null
      where id = $1`,
    [due.id, settledUntil, nextFire(due, settledUntil) ?? null, TIME_ZONE_DATA],
  );
}

function measure({ now }: DueSchedule, settled: readonly SettledSlot[]): void {
  for (const { slot, result } of settled) {
    slotsSettled.add(1, { result, kind: 'automatic' });
    if (result === 'fired') fireLag.record((now.getTime() - slot.getTime()) / 1000);
  }
}

function isFired({ result }: SettledSlot): boolean {
  return result === 'fired';
}

function isQuiet(settled: SettledSlot): boolean {
  return !isFired(settled);
}
