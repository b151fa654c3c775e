import type { EntityManager } from 'typeorm';
import type { RestoreSource } from '../restores/find-source.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import type { Finding } from './findings.js';
import { isBadAllowed, type Leave, type PlanPolicy } from './with-policy.js';

/** What runs of ours have written down. */
const MADE_HERE = `
  SELECT run.id AS "runId", artefact.sha256
    FROM backup_artefacts AS artefact JOIN backup_runs AS run ON run.id = artefact.run_id
   WHERE (artefact.sha256 = ANY ($1) OR run.id::text = ANY ($2)) AND run.request_id NOT LIKE 'adopted:%'`;

/**
 * Who answers for what an artefact holds: the key of its config, our own books (it is the file that a run of ours has written
 * down), or nobody.
 */
export function trustIn(source: RestoreSource, { manifest }: CommittedArtefact): PlanPolicy['trust'] {
  if (source.signing) return 'signed';
  return !source.adopted && source.sha256 === manifest.artefact.sha256 ? 'recorded' : 'none';
}

/**
 * Who answers for all that is restored one over the other: nobody, where nobody answers for one of them.
 * @param logs what is replayed over them
 */
export async function trustInAll(
  manager: EntityManager,
  source: RestoreSource,
  chain: readonly CommittedArtefact[],
  logs: readonly { runId: string }[] = [],
): Promise<PlanPolicy['trust']> {
  if (source.signing) return 'signed';
  const sums = chain.map(({ manifest }) => manifest.artefact.sha256);
  const runs = [source.runId, ...logs.map(({ runId }) => runId)];
  const made = await manager.query<{ runId: string; sha256: string }[]>(MADE_HERE, [sums, runs]);
  const isMade = new Set(made.flatMap(({ runId, sha256 }) => [runId, sha256]));
  return [...sums, ...runs].every((each) => isMade.has(each)) ? 'recorded' : 'none';
}

/** A dump that somebody answers for is listed where a person who looks at its plan can wait for it. */
const LARGEST_ANSWERED_FOR = 8 * 1024 ** 3;

/** Whether a dump is listed that has to be read for it. Where nobody answers for it, it always is; what is refused need not be. */
export function isListed({ originalBytes }: CommittedArtefact, { source, trust, allow }: Leave): boolean {
  if (source.bad && !isBadAllowed(source.bad.runId, allow)) return false;
  return trust === 'none' || originalBytes <= LARGEST_ANSWERED_FOR;
}

/** Of a copy of files, which nobody can list before a server runs on it: it runs as it is. */
export function notListable({ manifest }: CommittedArtefact): Finding {
  return { kind: 'copy', name: manifest.format.replace(/^hozen-/, ''), where: manifest.target.name };
}
