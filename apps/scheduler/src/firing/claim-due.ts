import type { EntityManager } from 'typeorm';
import type { Schedule } from '../tables/schedule.js';

/** A due schedule, locked by this transaction, and the database's time: no instance trusts a clock of its own. */
export type DueSchedule = Pick<
  Schedule,
  'id' | 'name' | 'cron' | 'timeZone' | 'event' | 'request' | 'enabled' | 'misfire' | 'catchUpLimit' | 'settledUntil'
> & { now: Date };

/**
 * Takes the schedule that is due for longest. Rows that another instance holds are passed over, so that instances work
 * side by side and none has to be the leader; a crash gives the row back with its transaction.
 */
const CLAIM_DUE = `
  select id, name, cron, time_zone as "timeZone", event, request, enabled, misfire,
         catch_up_limit as "catchUpLimit", settled_until as "settledUntil", now() as now
    from schedules
   where next_fire_at <= now() and (not_before is null or not_before <= now())
   order by next_fire_at
   limit 1
     for update skip locked`;

export async function claimDue(manager: EntityManager): Promise<DueSchedule | undefined> {
  const [due] = (await manager.query(CLAIM_DUE)) as DueSchedule[];
  return due;
}
