import { registerDecorator, type ValidationArguments } from 'class-validator';
import { Cron } from 'croner';

/** When a schedule is due: a cron expression read in an IANA time zone. */
export interface Timing {
  cron: string;
  timeZone: string;
}

/** croner would take an ISO date as a job that runs once; a schedule is a recurrence. */
const FIELDS = /^\s*(\S+\s+){4,5}\S+\s*$/;
const NICKNAME = /^@(yearly|annually|monthly|weekly|daily|midnight|hourly)$/i;

/** What the expression means. @throws Error of croner for one that means nothing */
export function recurrence(timing: Timing): Cron {
  return new Cron(timing.cron, {
    paused: true,
    timezone: timing.timeZone,
    mode: '5-or-6-parts',
    // Lists count as fixed times too: `0 2,14 * * *` must not lose its night fire in spring, as single values do not.
    fixedTimeRule: 'no-wildcard',
  });
}

/** Whether it means anything: in one time zone as in another. */
export function IsCron() {
  return (target: object, propertyName: string) => {
    registerDecorator({
      name: 'isCron',
      target: target.constructor,
      propertyName,
      validator: {
        validate: (value: unknown) => cronFault(value) === undefined,
        defaultMessage: (about?: ValidationArguments) => `${propertyName} ${cronFault(about?.value) ?? ''}`,
      },
    });
  };
}

function cronFault(cron: unknown): string | undefined {
  if (typeof cron !== 'string' || !(FIELDS.test(cron) || NICKNAME.test(cron))) {
    return 'must have five fields, or six with seconds first';
  }
  try {
    return recurrence({ cron, timeZone: 'UTC' }).nextRun() ? undefined : 'names a day that never comes';
  } catch (error) {
    return `is no time (${(error as Error).message.replace(/^CronPattern: /, '')})`;
  }
}
