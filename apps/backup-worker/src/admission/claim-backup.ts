import { LEASE_SECONDS } from '../runs/lease.js';
import { queryPrepared, type PreparedStatement } from '@hozen/persistence';
import type { DataSource, EntityManager } from 'typeorm';
import { STORED_PLAN, type ClaimedRun } from '../runs/load-plan.js';
import { ADMISSION_LOCK, askForSpace } from './ask-for-space.js';
import { expectedSpace, type Candidate } from './expected-space.js';
import { BUSY_TARGET, FULL_STORAGES } from './waits.sql.js';

/** Runs that are looked at, at most, at each turn. */
const MOST_CANDIDATES = 50;

/**
 * - What a dead worker left behind goes on, whatever is full: its places are still its own.
 * - What is to be cancelled is ended by whoever takes it, and takes no place.
 * - A run of a config starts no earlier than the second after the last one of it: the second is part of the file name.
 */
const MAY_START = `
  waiting.backup_level <> 'transaction_log'
  AND ((waiting.state = 'running' AND waiting.lease_until < clock_timestamp())
       OR (waiting.state = 'queued' AND waiting.not_before <= clock_timestamp()
           AND NOT EXISTS (${BUSY_TARGET})
           AND NOT EXISTS (SELECT FROM backup_runs AS earlier
                            WHERE earlier.config_id = waiting.config_id AND earlier.id <> waiting.id
                              AND earlier.started_at >= date_trunc('second', clock_timestamp()))
           AND (waiting.cancel_requested_at IS NOT NULL OR NOT EXISTS (${FULL_STORAGES}))))`;

const CANDIDATES: PreparedStatement = {
  name: 'backups that may start',
  text: `
  SELECT waiting.id, waiting.state = 'running' OR waiting.cancel_requested_at IS NOT NULL AS "isUnbound",
         config.spec -> 'storage' AS storage, config.spec -> 'secondaryStorage' AS "secondaryStorage",
         CASE WHEN waiting.options ->> 'verify' = 'false' THEN 'checksum' ELSE config.spec ->> 'proof' END AS proof,
         last.file_size AS "fileSize", last.original_size AS "originalSize",
         (SELECT jsonb_agg(jsonb_build_object('path', wish.path, 'bytes', wish.bytes)) FROM space_claims AS wish
           WHERE wish.run_id = waiting.id AND waiting.attempt > 0) AS wishes
    FROM backup_runs AS waiting
    LEFT JOIN backup_configs AS config ON config.id = waiting.config_id
    LEFT JOIN LATERAL (
      SELECT artefact.file_size, artefact.original_size
        FROM backup_artefacts AS artefact JOIN backup_runs AS made ON made.id = artefact.run_id
       WHERE made.config_id = waiting.config_id AND made.backup_level = waiting.backup_level
       ORDER BY made.started_at DESC NULLS LAST LIMIT 1) AS last ON true
   WHERE ${MAY_START}
   ORDER BY waiting.not_before, waiting.id
   LIMIT ${MOST_CANDIDATES}`,
};

/** SKIP LOCKED: nobody waits for a row that its owner is about to end. The unique index has the last word. */
const CLAIM: PreparedStatement = {
  name: 'claim of a backup',
  text: `
  UPDATE backup_runs AS run
     SET state = 'running', owner = $1, epoch = nextval('fence_epoch'), attempt = run.attempt + 1, progress = NULL,
         waits_for = NULL, takeovers = run.takeovers + (run.state = 'running')::integer,
         lease_until = clock_timestamp() + make_interval(secs => ${LEASE_SECONDS})
   WHERE run.id = (
     SELECT waiting.id
       FROM backup_runs AS waiting LEFT JOIN backup_configs AS config ON config.id = waiting.config_id
      WHERE waiting.id = $2 AND ${MAY_START}
        FOR UPDATE OF waiting SKIP LOCKED)
  RETURNING run.*, ${STORED_PLAN} AS plan`,
};

/** Once for each reason: not at every look. */
const WAITS = `
  UPDATE backup_runs SET waits_for = $2::jsonb
   WHERE id = $1 AND state = 'queued' AND (waits_for -> 'path') IS DISTINCT FROM ($2::jsonb -> 'path')`;

/**
 * Takes the next backup that may start, or that a dead worker left behind.
 *
 * It is decided under one lock for all workers, since places at a storage and room on a disk are counted over them; what it takes
 * to look (at disks, too) is done before. The epoch comes from a sequence: whoever claims later has the higher one.
 * @param spoolRoot where scratch data goes; without it nobody asks for room
 */
export async function claimBackup(
  database: DataSource,
  worker: string,
  spoolRoot: string | undefined,
): Promise<ClaimedRun | undefined> {
  for (const candidate of await queryPrepared<Candidate>(database, CANDIDATES)) {
    const isBound = spoolRoot !== undefined && !candidate.isUnbound;
    const needs = isBound ? await expectedSpace(candidate, spoolRoot) : [];
    if (needs.length === 0 && !hasLimit(candidate)) {
      // Nothing that is counted: the one statement decides.
      const run = await claim(database, worker, candidate.id).catch(unlessTaken);
      if (run) return run;
      continue;
    }
    const claiming = database.transaction(async (manager) => {
      await manager.query(ADMISSION_LOCK);
      const wait = isBound ? await askForSpace(manager, candidate.id, needs) : undefined;
      if (!wait) return claim(manager, worker, candidate.id);
      await manager.query(WAITS, [candidate.id, JSON.stringify({ kind: 'space', ...wait })]);
      return undefined;
    });
    const run = await claiming.catch(unlessTaken);
    if (run) return run;
  }
  return undefined;
}

function hasLimit({ storage, secondaryStorage }: Candidate): boolean {
  return (storage?.maxRuns ?? secondaryStorage?.maxRuns) !== undefined;
}

async function claim(
  database: DataSource | EntityManager,
  worker: string,
  id: string,
): Promise<ClaimedRun | undefined> {
  const [run] = await queryPrepared<ClaimedRun>(database, CLAIM, [worker, id]);
  return run;
}

const UNIQUE_VIOLATION = '23505';

/** A worker that does not know the lock yet was faster. */
function unlessTaken(error: unknown): undefined {
  if ((error as { code?: string }).code !== UNIQUE_VIOLATION) throw error;
}
