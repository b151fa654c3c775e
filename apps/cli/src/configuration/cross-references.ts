import {
  BackupRequested,
  isRecord,
  itemsIn,
  MaintenanceRequested,
  SCHEDULED_EVENTS,
  validate,
  VerificationRequested,
  type Reason,
} from '@hozen/contracts';
import type { Context } from '../context.js';

/** Finds the line of a path such as `configs.0.storage.path`. */
export type LineOf = (path: string) => number;

const SECTIONS = ['targets', 'configs', 'schedules', 'recipients'] as const;

const REQUESTS = {
  'backup.requested': BackupRequested,
  'verification.requested': VerificationRequested,
  'maintenance.requested': MaintenanceRequested,
};

/** As they were written: their fields may be wrong, which is told elsewhere. */
type Items = Record<string, unknown>[];
type Sections = Record<(typeof SECTIONS)[number] | 'rules', Items>;

/** What is wrong between the parts of a file: names used twice, and names that nothing has. */
export function crossReferenceFaults(context: Context, plain: unknown, lineOf: LineOf): Reason[] {
  const file: Sections = {
    targets: itemsIn(plain, 'targets'),
    configs: itemsIn(plain, 'configs'),
    schedules: itemsIn(plain, 'schedules'),
    recipients: itemsIn(plain, 'recipients'),
    rules: itemsIn(plain, 'rules'),
  };
  return [
    ...SECTIONS.flatMap((section) => duplicateNames(context, section, file[section], lineOf)),
    ...file.configs.flatMap(({ target }, index) => unknownTarget(context, file, target, `configs.${index}.target`)),
    ...file.schedules.flatMap((schedule, index) =>
      requestFaults(context, file, schedule, `schedules.${index}.request`),
    ),
    ...file.rules.flatMap(({ recipients }, index) =>
      Array.isArray(recipients)
        ? recipients.flatMap((name: unknown, position) =>
            unknownRecipient(context, file, name, `rules.${index}.recipients.${position}`),
          )
        : [],
    ),
    ...recipientsWithoutAddress(context, file),
  ];
}

function duplicateNames(context: Context, section: string, items: Items, lineOf: LineOf): Reason[] {
  const first = new Map<unknown, number>();
  return items.flatMap(({ name }, index) => {
    const earlier = first.get(name);
    if (name === undefined || earlier === undefined) {
      first.set(name, index);
      return [];
    }
    const line = lineOf(`${section}.${earlier}.name`);
    const message = context.text('apply.duplicate', { kind: section.replace(/s$/, ''), line });
    return [{ field: `${section}.${index}.name`, value: JSON.stringify(name), message }];
  });
}

/** The request of a schedule is checked now: at the time it fires nobody is there to read why it was rejected. */
function requestFaults(context: Context, file: Sections, schedule: Items[number], field: string): Reason[] {
  const { event: named = 'backup.requested', request } = schedule;
  const event = SCHEDULED_EVENTS.find((each) => each === named);
  if (!event || !isRecord(request)) return [];
  const checked = validate<object>(REQUESTS[event], request);
  return [
    ...(checked.ok ? [] : checked.reasons.map((reason) => within(field, reason))),
    ...(event === 'maintenance.requested'
      ? unknownTarget(context, file, request['target'], `${field}.target`)
      : unknownConfig(context, file, request['config'], `${field}.config`)),
  ];
}

function unknownTarget(context: Context, { targets }: Sections, name: unknown, field: string): Reason[] {
  return isMissing(targets, name) ? [{ field, message: context.text('apply.no-target', { name }) }] : [];
}

function unknownConfig(context: Context, { configs }: Sections, name: unknown, field: string): Reason[] {
  return isMissing(configs, name) ? [{ field, message: context.text('apply.no-config', { name }) }] : [];
}

function unknownRecipient(context: Context, { recipients }: Sections, name: unknown, field: string): Reason[] {
  return isMissing(recipients, name) ? [{ field, message: context.text('apply.no-recipient', { name }) }] : [];
}

/** What is no name at all is not missing either. */
function isMissing(items: Items, name: unknown): name is string {
  return typeof name === 'string' && items.every((item) => item['name'] !== name);
}

function recipientsWithoutAddress(context: Context, { recipients }: Sections): Reason[] {
  return recipients.flatMap(({ email, slackChannel, slackWebhook }, index) =>
    (email ?? slackChannel ?? slackWebhook)
      ? []
      : [{ field: `recipients.${index}`, message: context.text('apply.unreachable-recipient') }],
  );
}

function within(field: string, reason: Reason): Reason {
  return { ...reason, field: reason.field === '' ? field : `${field}.${reason.field}` };
}
