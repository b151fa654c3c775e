import type { ArtefactView, RunListView, RunState, RunView } from '@hozen/contracts';
import type { Context } from '../context.js';
import type { Ending } from '../exit-codes.js';
import { call } from '../services/call.js';
import { oneLine } from '../terminal/styles.js';
import { tableText } from '../terminal/table.js';
import { longWaitsText } from '../terminal/wait-text.js';
import { betweenText, bytesText, timeText } from '../terminal/units.js';

export interface RunsOptions {
  config?: string;
  state?: RunState;
  limit: number;
  before?: string;
}

/** `hozen runs`: the list of API-307. */
export async function runs(context: Context, options: RunsOptions): Promise<Ending> {
  const list = await call<RunListView>(context, 'backup-worker', '/backups', { query: { ...options } });
  context.out.write(context.json ? `${JSON.stringify(list)}\n` : runsText(context, list, options));
  return 'ok';
}

export function runsText(
  context: Context,
  { runs, next }: RunListView,
  { config, state, before }: Partial<RunsOptions> = {},
): string {
  const { text, styles } = context;
  if (runs.length === 0) {
    return `${text((config ?? state ?? before) === undefined ? 'list.empty-runs' : 'list.no-such-runs')}\n`;
  }
  const headings = [
    text('column.run'),
    text('column.config'),
    text('column.level'),
    text('column.state'),
    text('column.queued'),
    text('column.took'),
    text('column.size'),
    text('column.proof'),
  ];
  const rows = runs.map((run) => [
    run.id,
    oneLine(run.config),
    run.level,
    waitingText(context, run),
    timeText(run.queuedAt),
    betweenText(run.startedAt, run.finishedAt),
    run.artefact ? bytesText(run.artefact.bytes) : '',
    run.artefact ? provenText(context, run.artefact) : '',
  ]);
  const more =
    next === undefined ? '' : styles.dim(`${text('list.more', { command: `hozen runs --before ${next}` })}\n`);
  return tableText(context, headings, rows) + more;
}

function provenText({ text, styles }: Context, { proof, bad }: ArtefactView): string {
  if (bad) return styles.bad(text(bad.buildsOn === undefined ? 'proof.bad' : 'proof.bad-base'));
  return text(proof ? `proof.${proof.level}` : 'proof.none');
}

/** With what it waits for, where that is more than its turn. */
function waitingText(context: Context, run: RunView): string {
  const why = longWaitsText(context, run.waitsFor);
  return why === undefined ? stateText(context, run) : `${stateText(context, run)}: ${why}`;
}

const STATE_STYLES = {
  queued: 'accent',
  running: 'accent',
  completed: 'good',
  failed: 'bad',
  cancelled: 'warn',
} as const satisfies Record<RunState, keyof Context['styles']>;

export function stateText(context: Context, run: Pick<RunView, 'state'>): string {
  return context.styles[STATE_STYLES[run.state]](context.text(`state.${run.state}`));
}
