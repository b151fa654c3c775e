import type { RestoreView } from '@hozen/contracts';
import type { Context } from '../context.js';
import type { Ending } from '../exit-codes.js';
import { call } from '../services/call.js';

/** `hozen approve <restore> --plan <hash>`: lets a restore in place begin. */
export async function approve(context: Context, id: string, { plan }: { plan: string }): Promise<Ending> {
  const path = `/restores/${encodeURIComponent(id)}/approve`;
  const view = await call<RestoreView>(context, 'backup-worker', path, { method: 'POST', body: { planHash: plan } });
  const facts = { id: view.id, command: `hozen restores ${view.id}` };
  context.out.write(context.json ? `${JSON.stringify(view)}\n` : `${context.text('approve.done', facts)}\n`);
  return 'ok';
}
