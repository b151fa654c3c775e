import type { ProofLevel, StorageSpec } from '@hozen/contracts';
import { logger } from '@hozen/telemetry';
import { inTime } from '../storage/in-time.js';
import { byFileSystem, type Need, type SpaceNeed } from './file-systems.js';

const log = logger('admission');

/** A folder of a server that is away may not answer at all. */
const LOOK_MS = 2_000;

/** A run that could start, as far as the database can tell. Bigints come as text. */
export interface Candidate {
  id: string;
  /** It goes on, or ends, whatever is full. */
  isUnbound: boolean;
  storage: StorageSpec | null;
  secondaryStorage: StorageSpec | null;
  proof: ProofLevel | null;
  /** Of the last backup of this config and level. */
  fileSize: string | null;
  originalSize: string | null;
  /** What an earlier attempt found out that it needs. */
  wishes: Need[] | null;
}

/** Room is asked for twice over: data grows, and estimates are rough (BATCH-101 §3.1). */
const TIMES = 2;

/**
 * What a run is expected to take here, by the last backup of its config and level. Nothing where there is none yet: then
 * the target is asked, after the start.
 */
export async function expectedSpace(candidate: Candidate, spoolRoot: string): Promise<SpaceNeed[]> {
  const needs = needsOf(candidate, spoolRoot);
  if (needs.length === 0) return [];
  try {
    return await inTime(LOOK_MS, byFileSystem(needs), () => new Error('it does not answer'));
  } catch (error) {
    // The run itself finds out, and says so.
    log.warn({ err: error, run_id: candidate.id }, 'it could not be looked how much room there is for a run');
    return [];
  }
}

function needsOf(candidate: Candidate, spoolRoot: string): Need[] {
  const { fileSize, originalSize, storage, secondaryStorage, proof, wishes } = candidate;
  if (wishes) return wishes;
  if (fileSize === null || originalSize === null) return [];
  const needs: Need[] = [storage, secondaryStorage].flatMap((each) =>
    each?.kind === 'file' ? [{ path: each.path, bytes: TIMES * Number(fileSize) }] : [],
  );
  if (proof === 'restore') needs.push({ path: spoolRoot, bytes: TIMES * Number(originalSize) });
  return needs;
}
