import { logger } from '@hozen/telemetry';
import type { DataSource, EntityManager } from 'typeorm';
import { nextFire } from '../calendar/cron.js';
import { TIME_ZONE_DATA } from '../calendar/time-zone-data.js';
import { Schedule } from '../tables/schedule.js';

const log = logger('firing');

/**
 * Computes the next fires again where they were computed by other time zone data: a government may have moved its
 * clocks since. Slots that have ended stay ended.
 */
export async function adoptTimeZoneData(dataSource: DataSource): Promise<void> {
  await dataSource.transaction(async (manager) => {
    for (const schedule of await outdated(manager)) {
      const next = nextFire(schedule, schedule.settledUntil) ?? null;
      if (next?.getTime() !== schedule.nextFireAt?.getTime()) {
        log.info({ schedule: schedule.name, next, before: schedule.nextFireAt }, 'new time zone data moved a schedule');
      }
      await manager.query(`update schedules set next_fire_at = $2, time_zone_data = $3 where id = $1`, [
        schedule.id,
        next,
        TIME_ZONE_DATA,
      ]);
    }
  });
}

function outdated(manager: EntityManager): Promise<Schedule[]> {
  return manager
    .createQueryBuilder(Schedule, 'schedule')
    .where('schedule.timeZoneData <> :current', { current: TIME_ZONE_DATA })
    .orderBy('schedule.id')
    .setLock('pessimistic_write')
    .getMany();
}
