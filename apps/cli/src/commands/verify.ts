import { userInfo } from 'node:os';
import type { VerificationKind, VerificationListView, VerificationRequested, VerificationView } from '@hozen/contracts';
import type { Context } from '../context.js';
import type { Ending } from '../exit-codes.js';
import { call } from '../services/call.js';
import { followVerification } from '../services/follow-run.js';
import { failureText } from '../terminal/failure.js';
import { progressOutput } from '../terminal/progress.js';
import { isRunId } from '../services/run-id.js';
import { oneLine } from '../terminal/styles.js';
import { pairsText, tableText } from '../terminal/table.js';
import { durationText, timeText } from '../terminal/units.js';

export interface VerifyOptions {
  kind?: VerificationKind;
  seed?: number;
  /** Reference to a private key. */
  escrow?: string;
  wait?: boolean;
  reason?: string;
}

/** `hozen verify [config|run]`: proves a standing backup once more. */
export async function verify(context: Context, source: string | undefined, options: VerifyOptions): Promise<Ending> {
  const body = requestOf(source, options);
  const asked = await call<VerificationView>(context, 'backup-worker', '/verifications', { method: 'POST', body });
  if (!options.wait) {
    const facts = { id: asked.id, run: asked.runId, command: `hozen verifications ${asked.id}` };
    context.out.write(context.json ? `${JSON.stringify(asked)}\n` : `${context.text('verify.asked', facts)}\n`);
    return 'ok';
  }
  const lines = context.json || !context.out.isTTY;
  const progress = progressOutput(context, lines);
  try {
    const ended = await followVerification(context, asked.id, progress);
    progress.stop();
    return show(context, ended, lines);
  } finally {
    progress.stop();
  }
}

/** `hozen verifications [id]`: the latest ones with their recovery times, or one. */
export async function verifications(
  context: Context,
  id: string | undefined,
  of: { config?: string; target?: string },
): Promise<Ending> {
  if (id !== undefined) {
    const view = await call<VerificationView>(context, 'backup-worker', `/verifications/${encodeURIComponent(id)}`);
    context.out.write(context.json ? `${JSON.stringify(view)}\n` : verificationText(context, view));
    return 'ok';
  }
  const query = Object.fromEntries(Object.entries(of).filter(([, value]) => value !== undefined));
  const list = await call<VerificationListView>(context, 'backup-worker', '/verifications', { query });
  context.out.write(context.json ? `${JSON.stringify(list)}\n` : listText(context, list.verifications));
  return 'ok';
}

function requestOf(source: string | undefined, options: VerifyOptions): VerificationRequested {
  const { seed, reason, escrow } = options;
  const kind = options.kind ?? (escrow === undefined ? undefined : 'key');
  return {
    ...(source === undefined ? {} : isRunId(source) ? { run: source } : { config: source }),
    ...(kind === undefined ? {} : { kind }),
    ...(seed === undefined ? {} : { seed }),
    ...(escrow === undefined ? {} : { identity: escrow }),
    requestedBy: userInfo().username,
    ...(reason === undefined ? {} : { reason }),
  };
}

function show(context: Context, view: VerificationView, lines: boolean): Ending {
  if (lines) context.out.write(`${JSON.stringify({ type: 'result', verification: view })}\n`);
  else if (view.error) context.err.write(failureText(context, view.error));
  else context.out.write(verificationText(context, view));
  if (view.state === 'cancelled') return 'cancelled';
  return view.state === 'completed' ? 'ok' : 'failed';
}

function outcome({ text, styles }: Context, { state, verdict }: VerificationView): string {
  if (verdict === undefined) return state === 'completed' ? styles.good(text('verify.good')) : text(`state.${state}`);
  return verdict === 'bad' ? styles.bad(text('verify.bad')) : styles.warn(text('verify.unknown'));
}

function listText(context: Context, list: VerificationView[]): string {
  const { text } = context;
  if (list.length === 0) return `${text('list.empty-verifications')}\n`;
  const headings = [
    text('column.verification'),
    text('column.config'),
    text('column.kind'),
    text('column.queued'),
    text('column.outcome'),
    text('column.rto'),
    text('column.rpo'),
  ];
  const rows = list.map((view) => [
    view.id,
    oneLine(view.config),
    view.kind,
    timeText(view.queuedAt),
    outcome(context, view),
    secondsText(view.rtoSeconds),
    secondsText(view.rpoSeconds),
  ]);
  return tableText(context, headings, rows);
}

function verificationText(context: Context, view: VerificationView): string {
  const { text, styles } = context;
  return `${styles.bold(text('verify.title', { id: view.id }))}\n${pairsText(context, [
    [text('restore.backup'), `${view.runId}, ${oneLine(view.config)}`],
    [text('verify.kind'), view.seed === undefined ? view.kind : `${view.kind} (--seed ${view.seed})`],
    [text('verify.identity'), view.identity && oneLine(view.identity)],
    [text('verify.outcome'), outcome(context, view)],
    ...(view.recipients ?? []).map(
      ({ recipient, tried }) =>
        [
          text('verify.recipients'),
          `${oneLine(recipient)}${tried ? `  ${styles.good(text('verify.tried'))}` : ''}`,
        ] as const,
    ),
    [text('run.proof'), view.proof && text(`run.proof-${view.proof.level}`, countsOf(view.proof))],
    [text('verify.rto'), secondsText(view.rtoSeconds)],
    [text('verify.rpo'), secondsText(view.rpoSeconds)],
    [text('run.requested'), timeText(view.queuedAt)],
    [text('run.reason'), view.reason && oneLine(view.reason)],
    [text('run.error'), view.error && styles.bad(oneLine(`${view.error.code}: ${view.error.message}`))],
    [text('run.trace'), view.traceId],
  ])}`;
}

function countsOf({ databases, tables, seconds }: NonNullable<VerificationView['proof']>) {
  return { databases, tables, seconds: Math.round(seconds) };
}

function secondsText(seconds: number | undefined): string {
  return seconds === undefined ? '' : durationText(seconds * 1000);
}
