import {
  translatedError,
  type ErrorFacts,
  type Language,
  type NoticeKey,
  translatedRefusal,
  translatedWarning,
} from '@hozen/contracts';
import type { Told } from '../intake/told-events.js';
import type { Fact } from './notice.js';
import { size, time } from './quantities.js';

/** What is told, and the means to say it in the reader's language. */
export interface Telling {
  told: Told;
  traceId: string | undefined;
  language: Language;
  timeZone: string;
  text: (key: NoticeKey, params?: Record<string, string>) => string;
}

type DataOf<T extends Told['type']> = Extract<Told, { type: T }>['data'];

/** The facts of a notice in the order a reader needs them. */
export function factsOf(telling: Telling): Fact[] {
  const { type, data } = telling.told;
  const trace = fact(telling, 'label.trace', telling.traceId);
  switch (type) {
    case 'backup.completed':
      return [...completedBackup(telling, data), fact(telling, 'label.run', data.runId), trace];
    case 'backup.failed':
      return [
        ...error(telling, data.error),
        fact(telling, 'label.attempts', data.attempts),
        ...times(telling, data),
        fact(telling, 'label.run', data.runId),
        trace,
      ];
    case 'backup.rejected':
      return [...rejection(telling, data), trace];
    case 'backup.gap_found':
      return [...foundGap(telling, data), fact(telling, 'label.run', data.runId), trace];
    case 'restore.awaiting_approval':
      return [
        fact(telling, 'label.requestedBy', data.requestedBy),
        fact(telling, 'label.until', time(data.until, telling.timeZone)),
        fact(telling, 'label.plan', data.planHash),
        fact(telling, 'label.restore', data.restoreId),
        trace,
      ];
    case 'restore.approved':
      return [
        fact(telling, 'label.approvedBy', data.by),
        fact(telling, 'label.breakGlass', data.breakGlass),
        fact(telling, 'label.restore', data.restoreId),
        trace,
      ];
    case 'restore.completed':
      return [...completedRestore(telling, data), fact(telling, 'label.restore', data.restoreId), trace];
    case 'restore.failed':
      return [
        ...error(telling, data.error),
        fact(telling, 'label.finished', time(data.finishedAt, telling.timeZone)),
        fact(telling, 'label.restore', data.restoreId),
        trace,
      ];
    case 'restore.performance_deviates':
    case 'restore.performance_watched':
      return [
        fact(telling, 'label.deviations', ...data.deviations.map((each) => deviationText(telling, each))),
        fact(telling, 'label.watchedUntil', time(data.until, telling.timeZone)),
        fact(telling, 'label.restore', data.restoreId),
        trace,
      ];
    case 'restore.performance_normal':
      return [
        fact(telling, 'label.watchedUntil', time(data.until, telling.timeZone)),
        fact(telling, 'label.restore', data.restoreId),
        trace,
      ];
    case 'verification.completed':
      return [...completedVerification(telling, data), fact(telling, 'label.run', data.runId), trace];
    case 'verification.failed':
      return [
        ...error(telling, data.error),
        fact(telling, 'label.finished', time(data.finishedAt, telling.timeZone)),
        fact(telling, 'label.run', data.runId),
        trace,
      ];
    case 'storage.usage_high':
    case 'storage.usage_normal':
      return [
        fact(telling, 'label.used', usedText(telling, data)),
        fact(telling, 'label.artefactBytes', size(data.artefactBytes)),
        fact(telling, 'label.configs', ...data.configs),
        fact(telling, 'label.hint', type === 'storage.usage_high' ? telling.text('hint.storage') : undefined),
      ];
    case 'maintenance.completed':
      return [...completedMaintenance(telling, data), fact(telling, 'label.run', data.runId), trace];
    case 'maintenance.failed':
      return [
        ...error(telling, data.error),
        fact(telling, 'label.databases', ...data.targetDatabases),
        ...times(telling, data),
        fact(telling, 'label.run', data.runId),
        trace,
      ];
    case 'notification.test':
    default:
      return [trace];
  }
}

function completedBackup(telling: Telling, data: DataOf<'backup.completed'>): Fact[] {
  const { text } = telling;
  const { artefact, proof } = data;
  return [
    fact(telling, 'label.artefact', artefact.path),
    fact(
      telling,
      'label.size',
      text('value.size', { stored: size(artefact.bytes), original: size(artefact.originalBytes) }),
    ),
    fact(telling, 'label.proof', proofText(telling, proof)),
    fact(telling, 'label.warnings', ...data.warnings.map((each) => translatedWarning(telling.language, each))),
    ...times(telling, data),
    fact(telling, 'label.speed', `${size(data.bytesPerSecond)}/s`),
    fact(telling, 'label.attempts', data.attempts),
  ];
}

function proofText(
  { text }: Telling,
  { level, databases, tables, files, commit, seconds }: DataOf<'backup.completed'>['proof'],
): string {
  const counts = {
    databases: String(databases),
    tables: String(tables),
    files: String(files ?? 0),
    seconds: String(Math.round(seconds)),
  };
  const proven = text(`proof.${files === undefined ? level : 'files'}`, counts);
  if (!commit) return proven;
  return `${proven}; ${text(commit.changed ? 'proof.commit-new' : 'proof.commit-unchanged', { id: commit.id })}`;
}

function completedVerification(telling: Telling, data: DataOf<'verification.completed'>): Fact[] {
  const seconds = (value: number | undefined) =>
    value === undefined ? undefined : telling.text('value.seconds', { seconds: String(Math.round(value)) });
  return [
    fact(telling, 'label.proof', proofText(telling, data.proof)),
    fact(telling, 'label.rto', seconds(data.rtoSeconds)),
    fact(telling, 'label.rpo', seconds(data.rpoSeconds)),
    ...times(telling, data),
  ];
}

function foundGap(telling: Telling, { gap, requested }: DataOf<'backup.gap_found'>): Fact[] {
  const { text, timeZone } = telling;
  const { fromLsn, toLsn, reason } = gap;
  return [
    fact(telling, 'label.gap', text('value.gap', { from: time(gap.from, timeZone), fromLsn, toLsn })),
    fact(telling, 'label.error', reason),
    fact(telling, 'label.requested', ...requested.map((config) => text('value.requested', { config }))),
  ];
}

function completedRestore(telling: Telling, data: DataOf<'restore.completed'>): Fact[] {
  const at = data.reached?.lastTransactionAt;
  return [
    fact(telling, 'label.databases', ...data.databases.map(({ as }) => as)),
    fact(telling, 'label.reached', at && time(at, telling.timeZone)),
    fact(telling, 'label.warnings', ...data.warnings.map((each) => translatedWarning(telling.language, each))),
    ...times(telling, data),
  ];
}

function deviationText(
  { text, language }: Telling,
  { measure, now, normal }: DataOf<'restore.performance_deviates'>['deviations'][number],
): string {
  const number = (value: number) => new Intl.NumberFormat(language, { maximumSignificantDigits: 3 }).format(value);
  return text('value.deviation', { measure: text(`measure.${measure}`), now: number(now), normal: number(normal) });
}

function usedText({ text }: Telling, { usedBytes, capacityBytes }: DataOf<'storage.usage_normal'>): string {
  return text('value.used', { used: size(usedBytes), capacity: size(capacityBytes) });
}

function completedMaintenance(telling: Telling, data: DataOf<'maintenance.completed'>): Fact[] {
  return [
    fact(telling, 'label.databases', ...data.targetDatabases),
    fact(telling, 'label.vacuumed', data.tablesVacuumed),
    fact(telling, 'label.reindexed', data.indexesRebuilt),
    fact(telling, 'label.findings', ...data.findings),
    fact(telling, 'label.safetyBackup', data.backupRunId),
    ...times(telling, data),
  ];
}

function rejection(telling: Telling, data: DataOf<'backup.rejected'>): Fact[] {
  const reasons = data.reasons.map(({ field, value, message }) =>
    [field, value === undefined ? '' : `(${value})`, translatedRefusal(telling.language, message)]
      .filter((part) => part !== '')
      .join(' '),
  );
  return [fact(telling, 'label.reasons', ...reasons), fact(telling, 'label.request', data.requestId)];
}

function error(telling: Telling, facts: ErrorFacts): Fact[] {
  const { message, hint } = translatedError(telling.language, facts);
  return [fact(telling, 'label.error', `${message} [${facts.code}]`), fact(telling, 'label.hint', hint)];
}

function times(telling: Telling, { startedAt, finishedAt }: { startedAt?: string; finishedAt: string }): Fact[] {
  return [
    fact(telling, 'label.started', startedAt && time(startedAt, telling.timeZone)),
    fact(telling, 'label.finished', time(finishedAt, telling.timeZone)),
  ];
}

function fact({ text }: Telling, label: NoticeKey, ...values: (string | number | undefined)[]): Fact {
  return { label: text(label), values: values.filter((value) => value !== undefined).map(String) };
}
