import { userInfo } from 'node:os';
import type { BackupLevel, BackupRequested, RunView } from '@hozen/contracts';
import type { Context } from '../context.js';
import type { Ending } from '../exit-codes.js';
import { addressOfService } from '../services/addresses.js';
import { askForBackup, type Answer } from '../services/ask-for-backup.js';
import { followRun } from '../services/follow-run.js';
import { failureText, reasonText } from '../terminal/failure.js';
import { progressOutput } from '../terminal/progress.js';
import { runText } from '../terminal/run-text.js';
import { deliveriesOf } from './run.js';

export interface BackupOptions {
  wait?: boolean;
  reason?: string;
  overrideWindow?: boolean;
  level?: BackupLevel;
  synthetic?: boolean;
}

/** `hozen backup <config>`: asks for a backup by event; with `--wait` it stays until the run has ended. */
export async function backup(context: Context, config: string, options: BackupOptions): Promise<Ending> {
  // Better to know before the request is out that its run could not be followed.
  if (options.wait) await addressOfService(context, 'backup-worker');
  let requestId = '';
  const { answer } = await askForBackup(context, requestOf(config, options), (id) => {
    requestId = id;
    tell(context, { type: 'published', requestId }, context.text('backup.published', { id }));
  });
  if (answer.kind === 'rejected') return rejected(context, requestId, answer.reasons);
  if (answer.kind === 'accepted') {
    tell(
      context,
      { type: 'accepted', requestId, runId: answer.runId },
      context.text('backup.accepted', { run: answer.runId }),
    );
  }
  if (!options.wait) return notWaiting(context, requestId, answer);
  return waitForEnd(context, answer.kind === 'accepted' ? answer.runId : requestId);
}

function requestOf(config: string, options: BackupOptions): BackupRequested {
  return {
    config,
    trigger: 'manual',
    requestedBy: userInfo().username,
    ...(options.level === undefined ? {} : { level: options.level }),
    ...(options.reason === undefined ? {} : { reason: options.reason }),
    ...(options.synthetic ? { synthetic: true } : {}),
    ...(options.overrideWindow ? { overrideWindow: true } : {}),
  };
}

function rejected(context: Context, requestId: string, reasons: (Answer & { kind: 'rejected' })['reasons']): Ending {
  if (isLines(context)) context.out.write(`${JSON.stringify({ type: 'rejected', requestId, reasons })}\n`);
  else {
    const lines = reasons.map((reason) => `  ${reasonText(context, reason)}\n`).join('');
    context.err.write(`${context.styles.bad('✗')} ${context.text('backup.rejected')}\n${lines}`);
  }
  return 'rejected';
}

function notWaiting(context: Context, requestId: string, answer: Answer): Ending {
  if (answer.kind === 'unanswered') {
    const command = `hozen run ${requestId}`;
    tell(context, { type: 'unanswered', requestId }, context.text('backup.unanswered', { command }));
  }
  return 'ok';
}

async function waitForEnd(context: Context, id: string): Promise<Ending> {
  const progress = progressOutput(context, isLines(context));
  let run: RunView;
  try {
    run = await followRun(context, id, progress);
  } catch (error) {
    if (context.signal.aborted) {
      progress.stop();
      const commands = { follow: `hozen run ${id}`, cancel: `hozen cancel ${id}` };
      if (!isLines(context)) context.err.write(`${context.text('backup.goes-on', commands)}\n`);
    }
    throw error;
  } finally {
    progress.stop();
  }
  await result(context, run);
  return endingOfRun(run);
}

async function result(context: Context, run: RunView): Promise<void> {
  if (isLines(context)) {
    context.out.write(`${JSON.stringify({ type: 'result', run })}\n`);
    return;
  }
  context.out.write(`${verdictText(context, run)}\n`);
  if (run.error) context.err.write(failureText(context, run.error));
  else context.out.write(runText(context, run, await deliveriesOf(context, run.id).catch(() => undefined)));
}

/** Completed is not enough: a backup that is not proven is not green. */
export function endingOfRun(run: RunView): Ending {
  if (run.state === 'cancelled') return 'cancelled';
  return run.state === 'completed' && run.artefact?.proof ? 'ok' : 'failed';
}

export function verdictText(context: Context, run: RunView): string {
  const { text, styles } = context;
  if (endingOfRun(run) === 'ok') return `${styles.good('✓')} ${text('backup.completed')}`;
  if (run.state === 'completed') return `${styles.bad('✗')} ${text('backup.unproven')}`;
  if (run.state === 'cancelled') return `${styles.warn('!')} ${text('backup.cancelled')}`;
  return `${styles.bad('✗')} ${text('backup.failed')}`;
}

/** JSON lines when asked for, and for whatever is not a person at a terminal. */
function isLines(context: Context): boolean {
  return context.json || !context.out.isTTY;
}

function tell(context: Context, line: object, sentence: string): void {
  if (isLines(context)) context.out.write(`${JSON.stringify(line)}\n`);
  else context.err.write(`${sentence}\n`);
}
