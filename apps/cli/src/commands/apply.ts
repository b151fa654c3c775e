import { HozenError, type BackupsFile, type ChangeView } from '@hozen/contracts';
import { applyFile, BrokeOff, dryRun, type PartRefused } from '../configuration/apply-file.js';
import { changesText } from '../configuration/changes-text.js';
import { readBackupsFile, type LocatedReason } from '../configuration/read-backups-file.js';
import type { Context } from '../context.js';
import { endingOf, type Ending } from '../exit-codes.js';
import { failureText, reasonText } from '../terminal/failure.js';

export interface ApplyOptions {
  file: string;
  dryRun?: boolean;
}

/** `hozen apply -f backups.yaml`: checked whole, shown as a diff, then put in place. */
export async function apply(context: Context, options: ApplyOptions): Promise<Ending> {
  const file = await readBackupsFile(context, options.file);
  if (!file.ok) return invalid(context, options.file, file.reasons);
  return putInPlace(context, file.value, options.dryRun === true);
}

/** Asks all services first, shows what would change, and changes it unless it is only a dry run. */
export async function putInPlace(context: Context, file: BackupsFile, dry: boolean): Promise<Ending> {
  const { changes, refused } = await dryRun(context, file);
  if (refused.length > 0) return refusedByServices(context, refused);
  const needed = changes.some(({ change }) => change !== 'unchanged');
  if (!context.json) showPlan(context, changes, { needed, dry });
  if (dry || !needed) return finish(context, false, changes);
  try {
    return finish(context, true, await applyFile(context, file));
  } catch (error) {
    if (!(error instanceof BrokeOff)) throw error;
    const facts = { done: error.done.join(', '), service: error.service };
    context.err.write(`${context.styles.bad('✗')} ${context.text('apply.broke-off', facts)}\n`);
    throw error.cause;
  }
}

function invalid(context: Context, file: string, reasons: LocatedReason[]): Ending {
  const { code, message, hint } = new HozenError('CONFIG_INVALID');
  if (context.json) context.out.write(`${JSON.stringify({ error: { code, message, hint }, file, reasons })}\n`);
  else {
    const lines = reasons.map((reason) => `${file}:${reason.line}: ${reasonText(context, reason)}\n`).join('');
    context.err.write(`${lines}${context.styles.bad('✗')} ${context.text('apply.invalid', { file })}\n`);
  }
  return 'invalid';
}

function refusedByServices(context: Context, refused: PartRefused[]): Ending {
  if (context.json) {
    const services = refused.map(({ service, refusal }) => ({
      service,
      error: refusal.facts,
      reasons: refusal.reasons,
    }));
    context.out.write(`${JSON.stringify({ refused: services })}\n`);
  } else {
    for (const { service, refusal } of refused) {
      context.err.write(
        `${context.text('apply.refused', { service })}\n${failureText(context, refusal.facts, refusal.reasons)}`,
      );
    }
  }
  const endings = refused.map(({ refusal }) => (refusal.status >= 500 ? 'failed' : endingOf(refusal.facts.code)));
  return (['failed', 'rejected'] as const).find((ending) => endings.includes(ending)) ?? 'invalid';
}

function showPlan(context: Context, changes: ChangeView[], { needed, dry }: { needed: boolean; dry: boolean }): void {
  context.out.write(changesText(context, changes));
  if (!needed) context.out.write(`${context.text('apply.nothing')}\n`);
  else if (dry) context.out.write(`${context.text('apply.would')}\n`);
}

function finish(context: Context, applied: boolean, changes: ChangeView[]): Ending {
  if (context.json) context.out.write(`${JSON.stringify({ applied, changes })}\n`);
  else if (applied) context.out.write(`${context.styles.good('✓')} ${context.text('apply.applied')}\n`);
  return 'ok';
}
