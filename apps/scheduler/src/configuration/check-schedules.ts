import {
  isRecord,
  itemsIn,
  refusalText,
  SCHEDULED_EVENTS,
  ScheduleConfiguration,
  validate,
  type Reason,
  type Validated,
} from '@hozen/contracts';
import { checkRequest } from '../firing/request-event.js';

/** Checks a configuration whole: its shape, and each request against its event's contract. */
export function checkSchedules(body: unknown): Validated<ScheduleConfiguration> {
  const shaped = validate(ScheduleConfiguration, body);
  const schedules = itemsIn(body, 'schedules');
  const reasons = [
    ...(shaped.ok ? [] : shaped.reasons),
    ...schedules.flatMap((schedule, index) => requestFaults(schedule, `schedules.${index}.request`)),
    ...repeatedNames(schedules),
  ];
  return shaped.ok && reasons.length === 0 ? shaped : { ok: false, reasons };
}

function requestFaults(schedule: Record<string, unknown>, field: string): Reason[] {
  const { name, event: named = 'backup.requested', request } = schedule;
  const event = SCHEDULED_EVENTS.find((each) => each === named);
  if (!event || !isRecord(request)) return [];
  const checked = checkRequest({ name: String(name), event, request });
  return checked.ok ? [] : checked.reasons.map((each) => ({ ...each, field: `${field}.${each.field}` }));
}

function repeatedNames(schedules: readonly Record<string, unknown>[]): Reason[] {
  return schedules.flatMap(({ name }, index) =>
    name === undefined || schedules.findIndex((other) => other['name'] === name) === index
      ? []
      : [{ field: `schedules.${index}.name`, value: JSON.stringify(name), message: refusalText('used-twice') }],
  );
}
