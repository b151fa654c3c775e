import type { EntityManager } from 'typeorm';
import { localTime } from '../calendar/cron.js';
import { TIME_ZONE_DATA } from '../calendar/time-zone-data.js';
import type { DueSchedule } from './claim-due.js';
import type { SettledSlot } from './settle-slots.js';

/**
 * Writes how slots ended. A slot that has its row already keeps it and is not returned: after the clock of the database
 * went back, or a restore of it, nothing is fired a second time.
 */
const RECORD_SLOTS = `
  insert into schedule_fires (schedule_id, scheduled_for, local_time, time_zone_data, kind, result, reason, event_id, trace_id)
  select $1, slot.scheduled_for, slot.local_time, $2, 'automatic', slot.result, slot.reason, slot.event_id, $3
    from jsonb_to_recordset($4::jsonb)
      as slot (scheduled_for timestamptz, local_time text, result text, reason text, event_id uuid)
      on conflict (schedule_id, scheduled_for) where kind = 'automatic' do nothing
  returning scheduled_for`;

/** @returns how many of the slots had no row yet */
export async function recordSlots(
  manager: EntityManager,
  schedule: DueSchedule,
  slots: readonly (SettledSlot & { eventId?: string })[],
  traceId?: string,
): Promise<number> {
  if (slots.length === 0) return 0;
  const rows = slots.map(({ slot, result, reason, eventId }) => ({
    scheduled_for: slot.toISOString(),
    local_time: localTime(slot, schedule.timeZone),
    result,
    reason,
    event_id: eventId,
  }));
  const recorded = (await manager.query(RECORD_SLOTS, [
    schedule.id,
    TIME_ZONE_DATA,
    traceId ?? null,
    JSON.stringify(rows),
  ])) as unknown[];
  return recorded.length;
}
