import { randomUUID } from 'node:crypto';
import { HozenError } from '@hozen/contracts';
import type { Outbox, Transaction } from '@hozen/messaging';
import { currentTraceId, inSpan } from '@hozen/telemetry';
import { localTime } from '../calendar/cron.js';
import { TIME_ZONE_DATA } from '../calendar/time-zone-data.js';
import { Schedule } from '../tables/schedule.js';
import type { FireNow } from '../configuration/fire-now.body.js';
import { slotsSettled } from './metrics.js';
import { requestEvent, scheduleAsks } from './request-event.js';

/** A request that a person has a schedule make now. */
export interface FiredNow {
  /** Id of the request event, by which its run is found. */
  requestId: string;
}

/**
 * Publishes a schedule's request now, as a manual run; a paused schedule's too. The schedule itself goes on as before.
 * A repeated call with the same `requestId` publishes once.
 * @throws HozenError NOT_FOUND, REQUEST_INVALID
 */
export async function fireNow(outbox: Outbox, name: string, body: FireNow): Promise<FiredNow> {
  const requestId = body.requestId ?? randomUUID();
  await inSpan(`fire ${name}`, { attributes: { 'hozen.schedule': name } }, () =>
    outbox.transaction(async (tx) => {
      const schedule = await tx.manager.findOneBy(Schedule, { name });
      if (!schedule) throw new HozenError('NOT_FOUND', { what: 'schedule', id: name, list: 'schedules' });
      const event = requestEvent(schedule, requestId, {
        trigger: 'manual',
        requestedBy: body.requestedBy ?? scheduleAsks(name),
        ...(body.reason === undefined ? {} : { reason: body.reason }),
      });
      if (await recordManual(tx, schedule, requestId)) await tx.publish(event);
    }),
  );
  slotsSettled.add(1, { result: 'fired', kind: 'manual' });
  return { requestId };
}

async function recordManual(tx: Transaction, schedule: Schedule, requestId: string): Promise<boolean> {
  const [{ now }] = (await tx.manager.query(`select now()`)) as [{ now: Date }];
  const recorded = (await tx.manager.query(
    `insert into schedule_fires (schedule_id, scheduled_for, local_time, time_zone_data, kind, result, event_id, trace_id)
     values ($1, $2, $3, $4, 'manual', 'fired', $5, $6)
         on conflict (event_id) do nothing
     returning id`,
    [schedule.id, now, localTime(now, schedule.timeZone), TIME_ZONE_DATA, requestId, currentTraceId() ?? null],
  )) as unknown[];
  return recorded.length > 0;
}
