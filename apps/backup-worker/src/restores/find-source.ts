import {
  HozenError,
  type EncryptionSpec,
  type Reason,
  type RecoveryPoint,
  type SigningSpec,
  type StorageSpec,
  refusalText,
} from '@hozen/contracts';
import type { DataSource, EntityManager } from 'typeorm';
import { findPath } from '../recovery/find-path.js';
import { rangesAround } from '../recovery/ranges.js';
import { BAD_RUNS, badPartOf, type BadPart } from '../runs/bad-backups.js';
import type { RestoreRow } from './restore-row.js';

/** The artefact that a restore begins from. */
export interface RestoreSource {
  runId: string;
  config: string;
  path: string;
  /** Of the file, as it was written down. */
  sha256: string;
  /** It was found in storage: what is written down of it, it said itself. */
  adopted: boolean;
  /** Where its config stores now. */
  storage: StorageSpec | null;
  /** How its config encrypts now. */
  encryption: EncryptionSpec | null;
  /** Whose signatures it believes. */
  signing: SigningSpec | null;
  /** Processes at a time that its config allows itself: so many are restored with. */
  jobs: number | null;
  /** Of one that was found in storage, and not read yet, there is none. */
  proof: { level: string; seconds: number } | null;
  /** It was found to be bad, or what it builds on. Only where it was named. */
  bad: BadPart | null;
}

/**
 * The row of the target is locked as when artefacts expire: what is chosen here is either not let go, or not chosen.
 * The latest one is the default, but for one that was found to be bad, or that builds on one.
 */
const FIND_SOURCE = `
  SELECT artefact.run_id AS "runId", run.config_name AS "config", artefact.file_path AS "path", artefact.proof,
         artefact.sha256, run.request_id LIKE 'adopted:%' AS adopted,
         config.spec -> 'storage' AS storage, config.spec -> 'encryption' AS encryption,
         config.spec -> 'signing' AS signing, (config.spec ->> 'jobs')::int AS jobs,
         deletion.run_id IS NOT NULL AS deleted, ${badPartOf('artefact.run_id')} AS bad
    FROM backup_artefacts AS artefact
    JOIN backup_runs AS run ON run.id = artefact.run_id
    LEFT JOIN backup_configs AS config ON config.id = run.config_id
    LEFT JOIN artefact_deletions AS deletion ON deletion.run_id = artefact.run_id
   WHERE ($1::text IS NULL OR run.id::text = $1 OR run.request_id = $1)
     AND ($2::text IS NULL OR run.config_name = $2)
     AND ($1::text IS NOT NULL OR (deletion.run_id IS NULL AND run.id NOT IN ${BAD_RUNS}))
   ORDER BY run.finished_at DESC
   LIMIT 1`;

/** Of a config whatever is not deleted, bad or not. */
const STANDING = `
  SELECT FROM backup_artefacts AS artefact JOIN backup_runs AS run ON run.id = artefact.run_id
   WHERE $1::text IS NULL AND run.config_name = $2
     AND NOT EXISTS (SELECT FROM artefact_deletions AS deletion WHERE deletion.run_id = run.id)
   LIMIT 1`;

const ALL_BAD = refusalText('all-bad');

const INSTEAD = `
  SELECT artefact.run_id AS "runId"
    FROM backup_artefacts AS artefact JOIN backup_runs AS run ON run.id = artefact.run_id
   WHERE run.config_name = $1 AND run.id NOT IN ${BAD_RUNS}
     AND NOT EXISTS (SELECT FROM artefact_deletions AS deletion WHERE deletion.run_id = run.id)
   ORDER BY run.finished_at DESC
   LIMIT 1`;

const LOCK_SOURCE_TARGET = `
  SELECT FROM backup_targets
   WHERE id = (SELECT run.target_id FROM backup_runs AS run
                WHERE ($1::text IS NOT NULL AND (run.id::text = $1 OR run.request_id = $1))
                   OR ($1::text IS NULL AND run.config_name = $2)
                ORDER BY run.queued_at DESC LIMIT 1)
     FOR UPDATE`;

/** @returns what is wrong with the request where there is none */
export async function findSource(
  manager: EntityManager,
  wanted: { run?: string | undefined; config?: string | undefined; point?: RecoveryPoint | undefined },
): Promise<RestoreSource | Reason> {
  const { run, config, point } = wanted;
  if (run === undefined && config === undefined) {
    return { field: 'run', message: refusalText('run-or-config') };
  }
  const parameters = [run ?? null, config ?? null];
  await manager.query(LOCK_SOURCE_TARGET, parameters);
  const [found] = await manager.query<(RestoreSource & { deleted: boolean })[]>(FIND_SOURCE, parameters);
  const asked = run === undefined ? { field: 'config', value: config ?? '' } : { field: 'run', value: run };
  if (!found) {
    const [standing] = await manager.query<unknown[]>(STANDING, parameters);
    return { ...asked, message: standing ? ALL_BAD : refusalText('no-artefact') };
  }
  if (found.deleted) return { ...asked, message: refusalText('deleted') };
  if (!point) return found;
  if (run === undefined && point.transaction !== undefined) {
    return { field: 'run', message: refusalText('transaction-needs-run') };
  }
  if (run !== undefined) return found;
  const path = findPath(await rangesAround(manager, found.runId), point);
  if (!path || path.copy.runId === found.runId) return found;
  const [copy] = await manager.query<RestoreSource[]>(FIND_SOURCE, [path.copy.runId, null]);
  return copy ?? found;
}

/** The newest sound backup of the config of a bad one. */
export async function insteadOfBad(manager: EntityManager, { config }: RestoreSource): Promise<string | undefined> {
  const [found] = await manager.query<{ runId: string }[]>(INSTEAD, [config]);
  return found?.runId;
}

/** What a restore that was accepted begins from. @throws HozenError NOT_FOUND */
export async function sourceOf(row: Pick<RestoreRow, 'run_id'>, database: DataSource): Promise<RestoreSource> {
  const source = await findSource(database.manager, { run: row.run_id });
  if (!isSource(source)) throw new HozenError('NOT_FOUND', { what: 'artefact', id: row.run_id, list: 'runs' });
  return source;
}

export function isSource(found: RestoreSource | Reason): found is RestoreSource {
  return 'runId' in found;
}
