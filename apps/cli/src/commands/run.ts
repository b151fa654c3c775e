import type { DeliveryView, RunView } from '@hozen/contracts';
import type { Context } from '../context.js';
import type { Ending } from '../exit-codes.js';
import { call } from '../services/call.js';
import { runText } from '../terminal/run-text.js';

/** `hozen run <id>`: everything about one run. */
export async function run(context: Context, id: string): Promise<Ending> {
  const view = await call<RunView>(context, 'backup-worker', `/backups/${encodeURIComponent(id)}`);
  const deliveries = await deliveriesOf(context, view.id).catch(() => undefined);
  if (context.json) context.out.write(`${JSON.stringify({ ...view, ...(deliveries ? { deliveries } : {}) })}\n`);
  else context.out.write(runText(context, view, deliveries));
  return 'ok';
}

export function deliveriesOf(context: Context, runId: string): Promise<DeliveryView[]> {
  return call<DeliveryView[]>(context, 'notifier', '/deliveries', { query: { runId } });
}
