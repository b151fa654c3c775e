import type { RunView } from '@hozen/contracts';
import type { Context } from '../context.js';
import type { Ending } from '../exit-codes.js';
import { call } from '../services/call.js';
import { stateText } from './runs.js';

/** `hozen cancel <run>`. */
export async function cancel(context: Context, id: string): Promise<Ending> {
  const view = await call<RunView>(context, 'backup-worker', `/backups/${encodeURIComponent(id)}/cancel`, {
    method: 'POST',
  });
  if (context.json) context.out.write(`${JSON.stringify(view)}\n`);
  else {
    const key = view.state === 'queued' || view.state === 'running' ? 'cancel.asked' : 'cancel.ended';
    context.out.write(`${context.text(key, { id: view.id, state: stateText(context, view) })}\n`);
  }
  return 'ok';
}
