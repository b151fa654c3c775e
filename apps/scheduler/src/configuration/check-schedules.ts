import {
  validate,
  ScheduleConfiguration,
  type Reason,
  type ScheduleSpec,
  type Validated,
  refusalText,
} from '@hozen/contracts';
import { cronFault } from '../calendar/cron.js';
import { checkRequest } from '../firing/request-event.js';

/** Checks a configuration whole: its shape, each cron expression, and each request against its event's contract. */
export function checkSchedules(body: unknown): Validated<ScheduleConfiguration> {
  const shaped = validate(ScheduleConfiguration, body);
  if (!shaped.ok) return shaped;
  const reasons = shaped.value.schedules.flatMap((schedule, index) => faults(schedule, `schedules.${index}`));
  reasons.push(...repeatedNames(shaped.value.schedules));
  return reasons.length === 0 ? shaped : { ok: false, reasons };
}

function faults(schedule: ScheduleSpec, field: string): Reason[] {
  const cron = cronFault(schedule, new Date());
  const request = checkRequest(schedule);
  return [
    ...(cron === undefined ? [] : [{ field: `${field}.cron`, value: JSON.stringify(schedule.cron), message: cron }]),
    ...(request.ok ? [] : request.reasons.map((each) => ({ ...each, field: `${field}.request.${each.field}` }))),
  ];
}

function repeatedNames(schedules: readonly ScheduleSpec[]): Reason[] {
  return schedules.flatMap(({ name }, index) =>
    schedules.findIndex((other) => other.name === name) === index
      ? []
      : [{ field: `schedules.${index}.name`, value: JSON.stringify(name), message: refusalText('used-twice') }],
  );
}
