import { asHozenError } from '@hozen/contracts';
import { LeaseKeeper, WorkLanes, workerName } from '@hozen/persistence';
import { logger } from '@hozen/telemetry';
import type { DataSource } from 'typeorm';
import { LEASE_SECONDS } from '../runs/lease.js';
import { publishedArtefact } from '../storage/committed-artefact.js';
import { claimCopy, copySource, giveBack, markStanding, putOff, renewCopy, type DueCopy } from './claim-copy.js';
import { makeCopy } from './make-copy.js';
import { reachedNow } from './reached-now.js';

const log = logger('copies');

const POLL_MS = 5_000;
const RENEW_EVERY_MS = 3_000;

/** Makes the second copies that are missing, in any number of processes. */
export class CopyKeeper extends WorkLanes<DueCopy> {
  /** @param lanes copies at a time in this process */
  constructor(database: DataSource, lanes: number) {
    const worker = workerName();
    super({
      lanes,
      pollMs: POLL_MS,
      claim: () => claimCopy(database, worker),
      work: (due, claimedAt, shutdown) => copyDue(database, due, claimedAt, shutdown),
    });
  }
}

/** One try, from the claim to its next state. What cannot be settled is left to the lease. */
export async function copyDue(
  database: DataSource,
  due: DueCopy,
  claimedAt: number,
  shutdown: AbortSignal,
): Promise<void> {
  await using lease = LeaseKeeper.keep({
    ttlMs: LEASE_SECONDS * 1000,
    everyMs: RENEW_EVERY_MS,
    claimedAt,
    renew: () => renewCopy(database, due),
  });
  try {
    const source = await copySource(database, due.run_id);
    if (!source) return;
    const artefact = await publishedArtefact(source.path, source);
    await makeCopy({
      artefact,
      trigger: source.trigger,
      to: reachedNow(due.storage, source.secondaryStorage),
      path: due.file_path,
      epoch: Number(due.epoch),
      signal: AbortSignal.any([lease.signal, shutdown]),
      writeBytesPerSecond: source.writeBytesPerSecond ?? undefined,
      ensureLease: () => lease.ensure(),
    });
    await markStanding(database, due);
    log.info({ run_id: due.run_id, path: due.file_path }, 'the second copy stands');
  } catch (thrown) {
    if (shutdown.aborted) return giveBack(database, due);
    const error = asHozenError(thrown);
    log.warn({ err: error, run_id: due.run_id, path: due.file_path }, 'the second copy could not be made; again later');
    await putOff(database, due, error.message);
  }
}
