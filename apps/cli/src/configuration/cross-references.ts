import {
  BackupRequested,
  MaintenanceRequested,
  validate,
  VerificationRequested,
  type BackupsFile,
  type Reason,
  type ScheduleSpec,
} from '@hozen/contracts';
import type { Context } from '../context.js';

/** Finds the line of a path such as `configs.0.storage.path`. */
export type LineOf = (path: string) => number;

const SECTIONS = ['targets', 'configs', 'schedules', 'recipients'] as const;

/** What is wrong between the parts of a file whose fields are right: names used twice, and names that nothing has. */
export function crossReferenceFaults(context: Context, file: BackupsFile, lineOf: LineOf): Reason[] {
  return [
    ...duplicateNames(context, file, lineOf),
    ...configsWithoutTarget(context, file),
    ...file.schedules.flatMap((schedule, index) =>
      scheduleFaults(context, file, schedule, `schedules.${index}.request`),
    ),
    ...rulesWithoutRecipient(context, file),
    ...recipientsWithoutAddress(context, file),
  ];
}

function duplicateNames(context: Context, file: BackupsFile, lineOf: LineOf): Reason[] {
  return SECTIONS.flatMap((section) => {
    const first = new Map<string, number>();
    return file[section].flatMap(({ name }, index) => {
      const earlier = first.get(name);
      if (earlier === undefined) {
        first.set(name, index);
        return [];
      }
      const line = lineOf(`${section}.${earlier}.name`);
      const message = context.text('apply.duplicate', { kind: section.replace(/s$/, ''), line });
      return [{ field: `${section}.${index}.name`, value: JSON.stringify(name), message }];
    });
  });
}

function configsWithoutTarget(context: Context, file: BackupsFile): Reason[] {
  const targets = new Set(file.targets.map(({ name }) => name));
  return file.configs.flatMap(({ target }, index) =>
    targets.has(target)
      ? []
      : [{ field: `configs.${index}.target`, message: context.text('apply.no-target', { name: target }) }],
  );
}

/** The request of a schedule is checked now: at the time it fires nobody is there to read why it was rejected. */
function scheduleFaults(context: Context, file: BackupsFile, schedule: ScheduleSpec, field: string): Reason[] {
  if (schedule.event !== 'maintenance.requested') {
    const contract = schedule.event === 'backup.requested' ? BackupRequested : VerificationRequested;
    const checked = validate<{ config?: string }>(contract, schedule.request);
    if (!checked.ok) return checked.reasons.map((reason) => within(field, reason));
    const name = checked.value.config;
    if (name === undefined || file.configs.some((config) => config.name === name)) return [];
    return [{ field: `${field}.config`, message: context.text('apply.no-config', { name }) }];
  }
  const checked = validate(MaintenanceRequested, schedule.request);
  if (!checked.ok) return checked.reasons.map((reason) => within(field, reason));
  const name = checked.value.target;
  if (file.targets.some((target) => target.name === name)) return [];
  return [{ field: `${field}.target`, message: context.text('apply.no-target', { name }) }];
}

function rulesWithoutRecipient(context: Context, file: BackupsFile): Reason[] {
  const recipients = new Set(file.recipients.map(({ name }) => name));
  return file.rules.flatMap((rule, index) =>
    rule.recipients.flatMap((name, position) =>
      recipients.has(name)
        ? []
        : [
            {
              field: `rules.${index}.recipients.${position}`,
              message: context.text('apply.no-recipient', { name }),
            },
          ],
    ),
  );
}

function recipientsWithoutAddress(context: Context, file: BackupsFile): Reason[] {
  return file.recipients.flatMap(({ email, slackChannel, slackWebhook }, index) =>
    (email ?? slackChannel ?? slackWebhook)
      ? []
      : [{ field: `recipients.${index}`, message: context.text('apply.unreachable-recipient') }],
  );
}

function within(field: string, reason: Reason): Reason {
  return { ...reason, field: reason.field === '' ? field : `${field}.${reason.field}` };
}
