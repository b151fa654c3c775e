import { noticeText, type Language, type NoticeKey } from '@hozen/contracts';
import { TOLD_EVENTS, type Told } from '../intake/told-events.js';
import { factsOf, type Telling } from './facts.js';
import type { Notice, Severity } from './notice.js';
import { oneLine } from './one-line.js';
import { size } from './quantities.js';

const LONGEST_SUBJECT = 180;

/** Everything a notice is made of. The same input gives the same text, so that a repeat is recognisable. */
export interface Occasion {
  told: Told;
  eventId: string;
  traceId: string | undefined;
}

export function severityOf({ type, data }: Told): Severity {
  // Nobody else looked at what is about to be replaced.
  if (type === 'restore.approved' && data.breakGlass !== undefined) return 'critical';
  if (type === 'storage.usage_high') return data.level;
  return type === 'notification.test' ? 'info' : TOLD_EVENTS[type];
}

/** Tells an occasion in a language: what happened first, then what to do, then what it rests on. */
export function renderNotice(occasion: Occasion, language: Language, timeZone: string): Notice {
  const text = (key: NoticeKey, params: Record<string, string> = {}) => noticeText(language, key, params);
  const names = namesIn(occasion.told, text);
  const telling: Telling = { ...occasion, language, timeZone, text };
  return {
    subject: oneLine(text(subjectKey(occasion.told), names), LONGEST_SUBJECT),
    severity: severityOf(occasion.told),
    summary: oneLine(text(bodyKey(occasion.told), names)),
    facts: factsOf(telling)
      .map(({ label, values }) => ({ label, values: values.map((value) => oneLine(value)).filter((v) => v !== '') }))
      .filter(({ values }) => values.length > 0),
    command: commandFor(occasion.told),
    texts: { next: text('label.next'), repeat: text('note.repeat'), sender: text('note.sender') },
  };
}

function subjectKey({ type, data }: Told): NoticeKey {
  if (type === 'restore.performance_watched') return `subject.restore.watch.${data.verdict}`;
  if (type === 'verification.failed') return `subject.verification.${data.verdict}`;
  if (type === 'restore.approved' && data.breakGlass !== undefined) return 'subject.restore.breakGlass';
  if (type === 'storage.usage_high') return `subject.storage.${data.level}`;
  return type === 'backup.rejected' && data.config === undefined
    ? 'subject.backup.rejected.unknown'
    : `subject.${type}`;
}

function bodyKey({ type, data }: Told): NoticeKey {
  if (type === 'restore.performance_watched') return `body.restore.watch.${data.verdict}`;
  // What was there is not as it was.
  if (type === 'restore.failed' && data.error.code === 'RESTORE_UNFINISHED') return 'body.restore.unfinished';
  if (type === 'storage.usage_high') return `body.storage.${data.level}`;
  return type === 'verification.failed' ? `body.verification.${data.verdict}` : `body.${type}`;
}

/** Names that the sentences are about. */
function namesIn({ type, data }: Told, text: (key: NoticeKey) => string): Record<string, string> {
  switch (type) {
    case 'backup.completed':
      return { ...backupNames(data, text), size: size(data.artefact.bytes) };
    case 'backup.failed':
    case 'backup.gap_found':
      return backupNames(data, text);
    case 'backup.rejected':
      return { config: data.config ?? '' };
    case 'restore.awaiting_approval':
    case 'restore.approved':
    case 'restore.completed':
    case 'restore.failed':
    case 'restore.performance_deviates':
    case 'restore.performance_normal':
    case 'restore.performance_watched':
    case 'verification.completed':
    case 'verification.failed':
      return { config: data.config, target: data.target };
    case 'storage.usage_high':
      return {
        storage: data.storage,
        percent: String(Math.floor(data.usedPercent)),
        threshold: String(data.thresholdPercent),
      };
    case 'storage.usage_normal':
      return { storage: data.storage, percent: String(Math.floor(data.usedPercent)) };
    case 'maintenance.completed':
    case 'maintenance.failed':
      return { target: data.target, maintenanceType: text(`maintenance.${data.maintenanceType}`) };
    case 'notification.test':
    default:
      return { recipient: data.recipient };
  }
}

type BackupNames = Pick<Extract<Told, { type: 'backup.failed' }>['data'], 'config' | 'target' | 'level'>;

function backupNames({ config, target, level }: BackupNames, text: (key: NoticeKey) => string) {
  return { config, target, level: text(`level.${level}`) };
}

function commandFor({ type, data }: Told): string | undefined {
  switch (type) {
    case 'backup.completed':
    case 'backup.failed':
    case 'backup.gap_found':
      return `hozen run ${data.runId}`;
    case 'backup.rejected':
      return 'hozen configs';
    case 'restore.awaiting_approval':
      return `hozen approve ${data.restoreId} --plan ${data.planHash}`;
    case 'restore.approved':
    case 'restore.completed':
    case 'restore.failed':
    case 'restore.performance_deviates':
    case 'restore.performance_normal':
    case 'restore.performance_watched':
      return `hozen restores ${data.restoreId}`;
    case 'verification.completed':
    case 'verification.failed':
      return `hozen verifications ${data.verificationId}`;
    case 'storage.usage_high':
    case 'storage.usage_normal':
      return 'hozen storage';
    case 'maintenance.completed':
    case 'maintenance.failed':
      return `hozen trace ${data.runId}`;
    case 'notification.test':
    default:
      return undefined;
  }
}
