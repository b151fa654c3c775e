import { type BackupsFile, type ChangeListView, type ChangeView } from '@hozen/contracts';
import type { Context } from '../context.js';
import type { Service } from '../services/addresses.js';
import { call } from '../services/call.js';
import { Refusal } from '../services/refusal.js';
import { partsOf, type Part } from './parts.js';

/** A service refused its part of the file in the dry run, with its reasons. */
export interface PartRefused {
  service: Service;
  refusal: Refusal;
}

/** What each service would change; nothing is changed. Every service is asked, so that all reasons come at once. */
export async function dryRun(
  context: Context,
  file: BackupsFile,
): Promise<{ changes: ChangeView[]; refused: PartRefused[] }> {
  const parts = partsOf(file);
  const answers = await Promise.allSettled(parts.map((part) => put(context, part, true)));
  const changes: ChangeView[] = [];
  const refused: PartRefused[] = [];
  for (const [index, answer] of answers.entries()) {
    const { service } = parts[index] as Part;
    if (answer.status === 'fulfilled') changes.push(...answer.value.changes);
    else if (isRefusal(answer.reason)) refused.push({ service, refusal: answer.reason });
    else throw answer.reason;
  }
  return { changes: withoutRepeats(changes), refused };
}

/**
 * Applies the file service by service. Each part is one transaction; running it again continues after a break.
 * @throws BrokeOff when a service failed after others had applied theirs
 */
export async function applyFile(context: Context, file: BackupsFile): Promise<ChangeView[]> {
  const changes: ChangeView[] = [];
  const done: Service[] = [];
  for (const part of partsOf(file)) {
    try {
      changes.push(...(await put(context, part, false)).changes);
    } catch (cause) {
      throw done.length === 0 ? cause : new BrokeOff(done, part.service, cause);
    }
    done.push(part.service);
  }
  return withoutRepeats(changes);
}

export class BrokeOff extends Error {
  constructor(
    readonly done: Service[],
    readonly service: Service,
    override readonly cause: unknown,
  ) {
    super(`${service} failed after ${done.join(', ')} had applied their part`, { cause });
  }
}

function put(context: Context, part: Part, dry: boolean): Promise<ChangeListView> {
  const query = dry ? { dryRun: 'true' } : {};
  return call<ChangeListView>(context, part.service, '/configuration', { method: 'PUT', query, body: part.body });
}

function isRefusal(error: unknown): error is Refusal {
  return error instanceof Refusal;
}

/** Two services keep the targets; a person changes a target once. */
function withoutRepeats(changes: ChangeView[]): ChangeView[] {
  const seen = new Map<string, ChangeView>();
  for (const change of changes) {
    const key = `${change.kind}\n${change.name}`;
    const other = seen.get(key);
    if (!other || (other.change === 'unchanged' && change.change !== 'unchanged')) seen.set(key, change);
  }
  return [...seen.values()];
}
