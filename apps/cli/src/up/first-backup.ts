import { setTimeout as delay } from 'node:timers/promises';
import { HozenError, type DeliveryView, type RunView } from '@hozen/contracts';
import { deliveriesOf } from '../commands/run.js';
import type { Context } from '../context.js';
import { askForBackup } from '../services/ask-for-backup.js';
import { followRun } from '../services/follow-run.js';
import { Refusal } from '../services/refusal.js';
import { progressOutput } from '../terminal/progress.js';
import { SAMPLE_CONFIG } from './sample.js';
import type { Say } from './say.js';

/** Seconds from the end of the run to the notice. */
export const NOTICE_SECONDS = 60;

/** A run with what was told about it. */
export interface Shown {
  run: RunView;
  deliveries: DeliveryView[];
}

/** Asks for a backup as anybody would, by event, and stays with it until it is proven and people are told. */
export async function takeFirstBackup(context: Context, say: Say): Promise<Shown> {
  say.step('up.backing-up');
  const { requestId, answer } = await askForBackup(context, {
    config: SAMPLE_CONFIG,
    level: 'full',
    trigger: 'manual',
    requestedBy: 'hozen up',
    reason: 'shows that everything works',
    // The sample's window is the night; a newcomer comes by day.
    overrideWindow: true,
  });
  if (answer.kind === 'rejected') {
    const { code, message, hint } = new HozenError('REQUEST_INVALID');
    throw new Refusal('backup-worker', 400, { error: { code, message, hint }, reasons: answer.reasons });
  }
  const progress = progressOutput(context, context.json);
  const run = await followRun(context, requestId, progress).finally(() => progress.stop());
  if (!context.json) say.step('up.notice-waiting');
  return { run, deliveries: await settledDeliveries(context, run.id) };
}

/** The notices of the run when none of them is on its way any more, or as they are when the time is over. */
async function settledDeliveries(context: Context, runId: string): Promise<DeliveryView[]> {
  const giveUpAt = performance.now() + NOTICE_SECONDS * 1000;
  for (;;) {
    const deliveries = await deliveriesOf(context, runId).catch(() => []);
    const settled = deliveries.length > 0 && deliveries.every(({ state }) => state === 'sent' || state === 'failed');
    if (settled || performance.now() > giveUpAt) return deliveries;
    await delay(200, undefined, { signal: context.signal });
  }
}
