import type { StorageView } from '@hozen/contracts';
import type { Context } from '../context.js';
import type { Ending } from '../exit-codes.js';
import { call } from '../services/call.js';
import { oneLine } from '../terminal/styles.js';
import { tableText } from '../terminal/table.js';
import { bytesText, timeText } from '../terminal/units.js';

/** `hozen storage`: how full the storages are. */
export async function storage(context: Context): Promise<Ending> {
  const list = await call<StorageView[]>(context, 'backup-worker', '/storages');
  context.out.write(context.json ? `${JSON.stringify(list)}\n` : storagesText(context, list));
  return 'ok';
}

function storagesText(context: Context, list: StorageView[]): string {
  const { text, styles } = context;
  if (list.length === 0) return `${text('list.empty-storages')}\n`;
  const headings = [
    text('column.storage'),
    text('column.used'),
    text('column.capacity'),
    text('column.full'),
    text('column.artefacts'),
    text('column.artefact-bytes'),
    text('column.looked-at'),
  ];
  const rows = list.map((view) => [
    oneLine(view.storage),
    view.usedBytes === undefined ? '' : bytesText(view.usedBytes),
    view.capacityBytes === undefined ? '' : bytesText(view.capacityBytes),
    fullText(context, view),
    String(view.artefacts),
    bytesText(view.artefactBytes),
    view.lookedAt === undefined ? '' : timeText(view.lookedAt),
  ]);
  const failures = list.flatMap(({ storage: name, error }) =>
    error === undefined ? [] : [`${styles.warn(`${oneLine(name)}: ${oneLine(error)}`)}\n`],
  );
  return tableText(context, headings, rows) + failures.join('');
}

const LEVEL_STYLES = { ok: 'good', warning: 'warn', critical: 'bad' } as const;

function fullText({ text, styles }: Context, { usedPercent, level }: StorageView): string {
  if (usedPercent === undefined) return text('storage.no-quota');
  const percent = `${usedPercent.toFixed(1)} %`;
  return styles[LEVEL_STYLES[level]](level === 'ok' ? percent : `${percent} ${text(`storage.${level}`)}`);
}
