import type { ProgressView } from '@hozen/contracts';
import { SingleBar } from 'cli-progress';
import type { Context } from '../context.js';
import type { Followed, GoingOn } from '../services/follow-run.js';
import { cut, oneLine } from './styles.js';
import { longWaitsText } from './wait-text.js';
import { clockText, rateText, timeText } from './units.js';

const BAR_WIDTH = 24;
/** A terminal that does not know its width says 0. */
const DEFAULT_COLUMNS = 100;

export interface ProgressOutput extends Followed {
  /** Leaves the terminal as it was. Safe to call again. */
  stop(): void;
}

/** Shows how a run goes on: JSON lines for programs, a moving line on a terminal, a line a phase elsewhere. */
export function progressOutput(context: Context, jsonLines: boolean): ProgressOutput {
  if (jsonLines) return progressLines(context);
  return context.err.isTTY ? progressBar(context) : progressSentences(context);
}

function progressLines(context: Context): ProgressOutput {
  const write = (line: object) => context.out.write(`${JSON.stringify(line)}\n`);
  return {
    changed: (run) =>
      write({
        type: 'progress',
        runId: run.id,
        state: run.state,
        attempt: run.attempts.length,
        ...(run.notBefore === undefined ? {} : { notBefore: run.notBefore }),
        ...(run.waitsFor === undefined ? {} : { waitsFor: run.waitsFor }),
        ...run.progress,
      }),
    silent: () => write({ type: 'worker-silent' }),
    stop: () => undefined,
  };
}

function progressSentences(context: Context): ProgressOutput {
  let shown = '';
  const say = (sentence: string) => {
    if (sentence !== shown) context.err.write(`  ${sentence}\n`);
    shown = sentence;
  };
  return {
    changed: (run) => say(sentenceOf(context, run)),
    silent: () => say(context.text('backup.worker-silent')),
    stop: () => undefined,
  };
}

function progressBar(context: Context): ProgressOutput {
  const bar = new SingleBar({
    format: (_options, _params, payload: { line?: string }) => payload.line ?? '',
    clearOnComplete: true,
    hideCursor: true,
    forceRedraw: true,
    stopOnComplete: false,
    gracefulExit: false,
  });
  bar.start(100, 0, { line: '' });
  return {
    changed: (run) => bar.update(percentOf(run.progress), { line: barLine(context, run) }),
    silent: () => bar.update({ line: context.text('backup.worker-silent') }),
    stop: () => bar.stop(),
  };
}

function sentenceOf(context: Context, run: GoingOn): string {
  const isDue = run.waitsFor?.every(({ kind }) => kind !== 'time');
  const why = isDue ? longWaitsText(context, run.waitsFor) : undefined;
  if (why !== undefined) return `${context.text(`state.${run.state}`)}: ${why}`;
  const failed = run.attempts.at(-1);
  if (run.state === 'queued' && run.notBefore && failed?.status === 'failure') {
    return context.text('backup.retry', { attempt: failed.attempt, time: timeText(run.notBefore) });
  }
  return run.state === 'running' && run.progress
    ? context.text(`phase.${run.progress.phase}`)
    : context.text(`state.${run.state}`);
}

/** `dumping  [██████······] 48 %  85.3 MB/s  0:12 left  shop` */
export function barLine(context: Context, run: GoingOn): string {
  const { progress } = run;
  const parts = [sentenceOf(context, run)];
  if (run.state === 'running' && progress) {
    if (progress.percent !== undefined) {
      const full = Math.round((percentOf(progress) / 100) * BAR_WIDTH);
      parts.push(`[${'█'.repeat(full)}${'·'.repeat(BAR_WIDTH - full)}] ${Math.floor(progress.percent)} %`);
    }
    parts.push(rateText(progress.bytesPerSecond));
    if (progress.remainingSeconds !== undefined) {
      parts.push(context.text('progress.left', { time: clockText(progress.remainingSeconds) }));
    }
    if (progress.item) parts.push(oneLine(progress.item));
  }
  return cut(`  ${parts.join('  ')}`, (context.err.columns || DEFAULT_COLUMNS) - 1);
}

function percentOf(progress: ProgressView | undefined): number {
  return Math.min(100, Math.max(0, progress?.percent ?? 0));
}
