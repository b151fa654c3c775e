import { refusalText, type Reason, type RestorePlanView } from '@hozen/contracts';
import type { EntityManager } from 'typeorm';
import { isBadAllowed } from '../policy/with-policy.js';
import { badView } from '../runs/bad-backups.js';
import { insteadOfBad, type RestoreSource } from './find-source.js';

/** A plan says that the backup that was named is bad, and which one to use instead. */
export async function tellBad(
  manager: EntityManager,
  source: RestoreSource,
  plan: RestorePlanView,
): Promise<RestorePlanView> {
  if (!source.bad) return plan;
  const instead = await insteadOfBad(manager, source);
  return {
    ...plan,
    bad: { ...badView(source.runId, source.bad), ...(instead === undefined ? {} : { instead }) },
  };
}

/** Why a restore of it is refused. */
export async function badReason(
  manager: EntityManager,
  source: RestoreSource,
  allow: readonly string[],
): Promise<Reason[]> {
  if (!source.bad || isBadAllowed(source.bad.runId, allow)) return [];
  const { since, verification, buildsOn } = badView(source.runId, source.bad);
  const instead = await insteadOfBad(manager, source);
  const next =
    instead === undefined
      ? refusalText('next.none', { run: source.bad.runId })
      : refusalText('next.instead', { run: instead });
  const found = { verification: verification ?? '–', since, next };
  const message =
    buildsOn === undefined ? refusalText('bad-itself', found) : refusalText('bad-parent', { ...found, run: buildsOn });
  return [{ field: 'run', value: source.runId, message }];
}
