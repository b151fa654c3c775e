import type { ConfigView } from '@hozen/contracts';
import type { Context } from '../context.js';
import type { Ending } from '../exit-codes.js';
import { call } from '../services/call.js';
import { oneLine } from '../terminal/styles.js';
import { tableText } from '../terminal/table.js';
import { stateText } from './runs.js';

/** `hozen configs`. */
export async function configs(context: Context): Promise<Ending> {
  const list = await call<ConfigView[]>(context, 'backup-worker', '/configs');
  context.out.write(context.json ? `${JSON.stringify(list)}\n` : configsText(context, list));
  return 'ok';
}

function configsText(context: Context, list: ConfigView[]): string {
  const { text } = context;
  if (list.length === 0) return `${text('list.empty-configs')}\n`;
  const headings = [
    text('column.config'),
    text('column.target'),
    text('column.level'),
    text('column.proof'),
    text('column.kept'),
    text('column.storage'),
    text('column.last-run'),
  ];
  const rows = list.map((config) => [
    oneLine(config.name),
    oneLine(config.target),
    config.level,
    text(`proof.${config.proof}`),
    text('list.days', { days: config.retentionDays }),
    config.storagePath,
    config.lastRun ? `${stateText(context, config.lastRun)} ${config.lastRun.id}` : '',
  ]);
  return tableText(context, headings, rows);
}
