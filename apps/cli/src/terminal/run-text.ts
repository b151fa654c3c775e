import {
  type BadBackupView,
  type CopyView,
  type DeliveryView,
  type ResourceUseView,
  type RunView,
  translatedError,
  translatedReason,
  translatedWarning,
} from '@hozen/contracts';
import { stateText } from '../commands/runs.js';
import type { Context } from '../context.js';
import { oneLine } from './styles.js';
import { pairsText } from './table.js';
import { waitsText } from './wait-text.js';
import { betweenText, bytesText, durationText, rateText, timeText } from './units.js';

/** One run in full. Deliveries undefined: the notifier could not be asked. */
export function runText(context: Context, run: RunView, deliveries: DeliveryView[] | undefined): string {
  const { text, styles } = context;
  const title = styles.bold(text('run.title', { id: run.id }));
  return `${title}\n${pairsText(context, [
    [text('run.config'), oneLine(run.config)],
    [text('run.target'), oneLine(run.target)],
    [text('run.state'), stateText(context, run)],
    [text('run.requested'), requestedText(context, run)],
    [text('run.reason'), run.reason && oneLine(run.reason)],
    [text('run.waits-for'), waitsText(context, run.waitsFor)],
    [text('run.took'), betweenText(run.startedAt, run.finishedAt)],
    ...run.attempts.map(
      (attempt) => [text('run.attempt', { attempt: attempt.attempt }), attemptText(context, attempt)] as const,
    ),
    [text('run.limits'), limitsText(context, run.attempts.at(-1)?.resources)],
    ...artefactPairs(context, run),
    ...run.warnings.map(
      (warning) => [text('run.warning'), styles.warn(oneLine(translatedWarning(context.language, warning)))] as const,
    ),
    [text('run.error'), run.error && errorText(context, run.error)],
    ...noticePairs(context, deliveries),
    [text('run.trace'), run.traceId],
  ])}`;
}

/** How the artefact was proven, in words. */
export function proofText(context: Context, run: RunView): string {
  if (run.artefact?.bad) return context.styles.bad(badText(context, run.artefact.bad));
  const proof = run.artefact?.proof;
  if (!proof) return context.styles.bad(context.text('run.unproven', { id: run.id }));
  const seconds = proof.seconds.toFixed(1);
  if (proof.files !== undefined) {
    const compared = context.text('run.proof-files', { files: proof.files, seconds });
    return context.styles.good(proof.commit ? `${compared}; ${commitText(context, proof.commit)}` : compared);
  }
  return context.styles.good(
    proof.level === 'restore'
      ? context.text('run.proof-restore', { databases: proof.databases, tables: proof.tables, seconds })
      : context.text('run.proof-checksum', { seconds }),
  );
}

/** Which verification found it, and when; or what it builds on. */
export function badText({ text }: Context, { since, verification = '–', buildsOn }: BadBackupView): string {
  const facts = { verification, time: timeText(since) };
  return buildsOn === undefined ? text('run.bad', facts) : text('run.bad-base', { ...facts, id: buildsOn });
}

function commitText(context: Context, { id, changed }: { id: string; changed: boolean }): string {
  return context.text(changed ? 'run.commit-new' : 'run.commit-unchanged', { id });
}

export function noticeText(context: Context, delivery: DeliveryView): string {
  const state = context.text(`delivery.${delivery.state}`);
  const line = context.text('run.notice-line', {
    channel: delivery.channel,
    recipient: oneLine(delivery.recipient),
    destination: oneLine(delivery.destination),
    state: delivery.state === 'failed' ? context.styles.bad(state) : state,
  });
  return delivery.error ? `${line}\n${oneLine(delivery.error)}` : line;
}

export function sizeText(context: Context, artefact: NonNullable<RunView['artefact']>): string {
  return context.text('run.size-of', { bytes: bytesText(artefact.bytes), original: bytesText(artefact.originalBytes) });
}

function requestedText(context: Context, run: RunView): string {
  const by = run.requestedBy ? ` ${context.text('run.requested-by', { who: oneLine(run.requestedBy) })}` : '';
  return `${timeText(run.queuedAt)} (${context.text(`trigger.${run.trigger}`)})${by}`;
}

function attemptText(context: Context, attempt: RunView['attempts'][number]): string {
  const took = attempt.finishedAt
    ? `, ${durationText(Date.parse(attempt.finishedAt) - Date.parse(attempt.startedAt))}`
    : '';
  const word = context.text(`attempt.${attempt.status}`);
  const line = `${timeText(attempt.startedAt)}  ${attempt.status === 'failure' ? context.styles.bad(word) : word}${took}`;
  return attempt.error ? `${line}\n${oneLine(translatedReason(context.language, attempt.error))}` : line;
}

function limitsText({ text }: Context, use: ResourceUseView | undefined): string | undefined {
  if (!use) return undefined;
  const { cpu, cpuPercent, ioClass, ioLevel, readBytesPerSecond: read, writeBytesPerSecond: write } = use;
  return [
    text(`limits.${cpu}`, cpu === 'unlimited' ? {} : { percent: cpuPercent }),
    ioClass === 'none' ? '' : text(`limits.${ioClass}`, ioClass === 'idle' ? {} : { level: ioLevel ?? 7 }),
    read === undefined ? '' : text('limits.read', { rate: rateText(read) }),
    write === undefined ? '' : text('limits.write', { rate: rateText(write) }),
  ]
    .filter((part) => part !== '')
    .join(', ');
}

function artefactPairs(context: Context, run: RunView): (readonly [string, string])[] {
  const { artefact } = run;
  if (!artefact) return [];
  const { text } = context;
  return [
    [text('run.artefact'), artefact.path],
    [text('run.manifest'), artefact.manifestPath],
    [text('run.checksum'), artefact.checksumPath],
    [text('run.size'), sizeText(context, artefact)],
    [text('run.rate'), run.bytesPerSecond === undefined ? '' : rateText(run.bytesPerSecond)],
    [text('run.sha256'), artefact.sha256],
    [text('run.proof'), proofText(context, run)],
    [text('run.copy'), artefact.copy ? copyText(context, artefact.copy) : ''],
  ];
}

function copyText({ text, styles }: Context, { path, state, error }: CopyView): string {
  const line = `${oneLine(path)}  ${text(`copy.${state}`)}`;
  return error ? `${styles.warn(line)}\n${oneLine(error)}` : line;
}

function errorText(context: Context, error: NonNullable<RunView['error']>): string {
  const { message, hint } = translatedError(context.language, error);
  return `${context.styles.bad(`${error.code}: ${message}`)}\n${context.styles.accent('→')} ${hint}`;
}

function noticePairs(context: Context, deliveries: DeliveryView[] | undefined): (readonly [string, string])[] {
  const { text } = context;
  if (deliveries === undefined) return [[text('run.notice'), text('run.notices-unknown')]];
  if (deliveries.length === 0) return [[text('run.notice'), text('run.no-notices')]];
  return deliveries.map((delivery) => [text('run.notice'), noticeText(context, delivery)]);
}
