import type { ScheduleView } from '@hozen/contracts';
import type { DataSource } from 'typeorm';
import { nextFires } from '../calendar/cron.js';
import { Schedule } from '../tables/schedule.js';

const SHOWN_FIRES = 10;

/** All schedules by name, each with its next fires; a paused one has none. */
export async function listSchedules(dataSource: DataSource): Promise<ScheduleView[]> {
  const schedules = await dataSource.manager.find(Schedule, { order: { name: 'ASC' } });
  const lastFires = await lastFiredAt(dataSource);
  return schedules.map((schedule) => viewOf(schedule, lastFires.get(schedule.id)));
}

function viewOf(schedule: Schedule, lastFired: Date | undefined): ScheduleView {
  const { name, cron, timeZone, event, request, enabled } = schedule;
  const fires = enabled ? nextFires(schedule, schedule.settledUntil, SHOWN_FIRES) : [];
  return {
    name,
    cron,
    timeZone,
    event,
    request,
    enabled,
    nextFires: fires.map((fire) => fire.toISOString()),
    ...(lastFired ? { lastFiredAt: lastFired.toISOString() } : {}),
  };
}

async function lastFiredAt(dataSource: DataSource): Promise<Map<string, Date>> {
  const rows = (await dataSource.query(
    `select id, (select max(decided_at) from schedule_fires
                  where schedule_id = schedules.id and result = 'fired') as fired
       from schedules`,
  )) as { id: string; fired: Date | null }[];
  return new Map(rows.flatMap(({ id, fired }) => (fired ? [[id, fired] as const] : [])));
}
