import type { ScheduleView } from '@hozen/contracts';
import type { Context } from '../context.js';
import type { Ending } from '../exit-codes.js';
import { call } from '../services/call.js';
import { oneLine } from '../terminal/styles.js';
import { tableText } from '../terminal/table.js';
import { timeText } from '../terminal/units.js';

const SHOWN_FIRES = 3;

/** `hozen schedules`: with the next fires, in the zone of the schedule. */
export async function schedules(context: Context): Promise<Ending> {
  const list = await call<ScheduleView[]>(context, 'scheduler', '/schedules');
  context.out.write(context.json ? `${JSON.stringify(list)}\n` : schedulesText(context, list));
  return 'ok';
}

export function schedulesText(context: Context, list: ScheduleView[]): string {
  const { text } = context;
  if (list.length === 0) return `${text('list.empty-schedules')}\n`;
  const headings = [
    text('column.schedule'),
    text('column.cron'),
    text('column.zone'),
    text('column.event'),
    text('column.next'),
  ];
  const rows = list.map((schedule) => [
    oneLine(schedule.name),
    schedule.cron,
    schedule.timeZone,
    schedule.event,
    schedule.enabled
      ? schedule.nextFires
          .slice(0, SHOWN_FIRES)
          .map((fire) => timeText(fire, schedule.timeZone))
          .join(', ')
      : context.styles.warn(text('list.disabled')),
  ]);
  return tableText(context, headings, rows);
}
