import type { RetentionReasonView, RetentionView, RunView } from '@hozen/contracts';
import type { Context } from '../context.js';
import type { Ending } from '../exit-codes.js';
import { call } from '../services/call.js';
import { oneLine } from '../terminal/styles.js';
import { tableText } from '../terminal/table.js';
import { bytesText, timeText } from '../terminal/units.js';

/** `hozen retention preview [config]`. */
export async function retentionPreview(context: Context, config: string | undefined): Promise<Ending> {
  const views = await call<RetentionView[]>(context, 'backup-worker', '/retention', { query: { config } });
  context.out.write(context.json ? `${JSON.stringify(views)}\n` : previewText(context, views));
  return 'ok';
}

/** `hozen retention apply`. */
export async function retentionApply(context: Context): Promise<Ending> {
  const answer = await call<{ expired: number }>(context, 'backup-worker', '/retention/apply', { method: 'POST' });
  context.out.write(
    context.json ? `${JSON.stringify(answer)}\n` : `${context.text('retention.applied', { count: answer.expired })}\n`,
  );
  return 'ok';
}

/** `hozen hold <run> --reason …`. */
export async function hold(context: Context, id: string, reason: string): Promise<Ending> {
  const heldBy = context.env['USER'];
  const body = { reason, ...(heldBy ? { heldBy } : {}) };
  return changeHold(context, id, { method: 'PUT', body }, 'hold.held');
}

/** `hozen release <run>`. */
export async function release(context: Context, id: string): Promise<Ending> {
  return changeHold(context, id, { method: 'DELETE' }, 'hold.released');
}

async function changeHold(
  context: Context,
  id: string,
  options: { method: 'PUT' | 'DELETE'; body?: object },
  done: 'hold.held' | 'hold.released',
): Promise<Ending> {
  const view = await call<RunView>(context, 'backup-worker', `/backups/${encodeURIComponent(id)}/hold`, options);
  context.out.write(context.json ? `${JSON.stringify(view)}\n` : `${context.text(done, { id: view.id })}\n`);
  return 'ok';
}

function previewText(context: Context, views: RetentionView[]): string {
  const { text, styles } = context;
  if (views.length === 0) return `${text('list.empty-configs')}\n`;
  const headings = [
    text('column.run'),
    text('column.level'),
    text('column.started'),
    text('column.size'),
    text('column.decision'),
    text('column.why'),
  ];
  return views
    .map((view) => {
      const rows = view.artefacts.map((artefact) => [
        artefact.runId,
        artefact.level,
        timeText(artefact.startedAt),
        bytesText(artefact.bytes),
        artefact.keep ? text('retention.stays') : styles.warn(text('retention.goes')),
        [
          ...(artefact.bad ? [styles.bad(text('proof.bad'))] : []),
          ...artefact.reasons.map((reason) => reasonText(context, reason)),
        ].join('; '),
      ]);
      const deleting = view.deleting.map(({ runId, bytes, error }) => [
        runId,
        '',
        '',
        bytesText(bytes),
        styles.warn(text('retention.deleting')),
        error === undefined ? '' : oneLine(error),
      ]);
      const all = [...rows, ...deleting];
      const body = all.length === 0 ? `${text('retention.nothing')}\n` : tableText(context, headings, all);
      return `${styles.bold(oneLine(view.config))}\n${body}`;
    })
    .join('\n');
}

function reasonText({ text }: Context, reason: RetentionReasonView): string {
  const { kind, days = 0, period = '', proven = 0, until, by = '', count = 0 } = reason;
  const params = { days, period, proven, until: until === undefined ? '' : timeText(until), by, count };
  return text(`retention.why.${kind}`, params);
}
