import { isDeepStrictEqual } from 'node:util';
import type { ChangeListView, ChangeView, ScheduleSpec } from '@hozen/contracts';
import type { DataSource, EntityManager } from 'typeorm';
import { nextFire } from '../calendar/cron.js';
import { TIME_ZONE_DATA } from '../calendar/time-zone-data.js';
import { Schedule } from '../tables/schedule.js';

const FIELDS = ['cron', 'timeZone', 'event', 'request', 'enabled', 'misfire', 'catchUpLimit'] as const;

/**
 * Creates and updates schedules by name, all or none; those not mentioned stay. A dry run tells the same changes and
 * makes none.
 */
export async function applySchedules(
  dataSource: DataSource,
  schedules: readonly ScheduleSpec[],
  options: { dryRun: boolean },
): Promise<ChangeListView> {
  return dataSource.transaction(async (manager) => {
    // One at a time, or two could create the same schedule, or wait for each other's rows.
    await manager.query(`select pg_advisory_xact_lock(hashtextextended('apply schedules', 0))`);
    const changes: ChangeView[] = [];
    for (const spec of schedules) {
      const present = await manager.findOne(Schedule, {
        where: { name: spec.name },
        lock: { mode: 'pessimistic_write' },
      });
      const change = difference(present, spec);
      changes.push(change);
      if (!options.dryRun && change.change !== 'unchanged') await write(manager, present, spec);
    }
    return { applied: !options.dryRun, changes };
  });
}

function difference(present: Schedule | null, spec: ScheduleSpec): ChangeView {
  const fields = FIELDS.filter((field) => !isDeepStrictEqual(present?.[field], spec[field])).map((field) => ({
    field,
    ...(present ? { before: present[field] } : {}),
    after: spec[field],
  }));
  const change = present === null ? 'create' : fields.length > 0 ? 'update' : 'unchanged';
  return { kind: 'schedule', name: spec.name, change, fields };
}

async function write(manager: EntityManager, present: Schedule | null, spec: ScheduleSpec): Promise<void> {
  const settledUntil = present && keepsItsSlots(present, spec) ? present.settledUntil : await databaseNow(manager);
  await manager.save(Schedule, {
    ...(present ? { id: present.id } : {}),
    name: spec.name,
    cron: spec.cron,
    timeZone: spec.timeZone,
    event: spec.event,
    request: spec.request,
    enabled: spec.enabled,
    misfire: spec.misfire,
    catchUpLimit: spec.catchUpLimit,
    settledUntil,
    nextFireAt: nextFire(spec, settledUntil) ?? null,
    timeZoneData: TIME_ZONE_DATA,
    notBefore: null,
    lastError: null,
    updatedAt: await databaseNow(manager),
  });
}

/** A new time or a resumed schedule begins now: what lay before is not made up for. */
function keepsItsSlots(present: Schedule, spec: ScheduleSpec): boolean {
  const resumed = spec.enabled && !present.enabled;
  return present.cron === spec.cron && present.timeZone === spec.timeZone && !resumed;
}

async function databaseNow(manager: EntityManager): Promise<Date> {
  const [row] = (await manager.query(`select clock_timestamp() as now`)) as [{ now: Date }];
  return row.now;
}
