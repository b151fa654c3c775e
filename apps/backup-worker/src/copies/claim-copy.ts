import { claimOne } from '@hozen/persistence';
import type { EncryptionSpec, SigningSpec, StorageSpec } from '@hozen/contracts';
import type { DataSource } from 'typeorm';
import { LEASE_SECONDS } from '../runs/lease.js';

/** A copy that is to be made. Bigints come as text from the driver. */
export interface DueCopy {
  run_id: string;
  file_path: string;
  storage: StorageSpec;
  epoch: string;
  attempts: number;
}

/** The artefact that is copied, and how its config stores, encrypts and signs now. */
export interface CopySource {
  path: string;
  trigger: 'manual' | 'automatic';
  storage: StorageSpec | null;
  secondaryStorage: StorageSpec | null;
  encryption: EncryptionSpec | null;
  signing: SigningSpec | null;
  writeBytesPerSecond: number | null;
}

/** Seconds until the next try, doubled each time up to an hour. */
const FIRST_PAUSE_SECONDS = 60;

/** The next one that is due, or that a dead worker left behind; none of an artefact that is to go, or is bad. */
const CLAIM = `
  UPDATE backup_copies AS copy
     SET state = 'copying', owner = $1, epoch = nextval('fence_epoch'), attempts = copy.attempts + 1,
         lease_until = clock_timestamp() + make_interval(secs => ${LEASE_SECONDS})
   WHERE copy.run_id = (
     SELECT due.run_id FROM backup_copies AS due
      WHERE ((due.state = 'pending' AND due.not_before <= clock_timestamp())
             OR (due.state = 'copying' AND due.lease_until < clock_timestamp()))
        AND NOT EXISTS (SELECT FROM artefact_deletions AS deletion WHERE deletion.run_id = due.run_id)
        AND NOT EXISTS (SELECT FROM backup_artefacts AS artefact
                         WHERE artefact.run_id = due.run_id AND artefact.bad_since IS NOT NULL)
      ORDER BY due.not_before, due.run_id
      LIMIT 1
        FOR UPDATE SKIP LOCKED)
  RETURNING copy.run_id, copy.file_path, copy.storage, copy.epoch, copy.attempts`;

const RENEW = `
  UPDATE backup_copies SET lease_until = clock_timestamp() + make_interval(secs => ${LEASE_SECONDS})
   WHERE run_id = $1 AND epoch = $2 AND state = 'copying' AND lease_until > clock_timestamp()
  RETURNING run_id`;

const MARK_STANDING = `
  UPDATE backup_copies
     SET state = 'standing', standing_since = clock_timestamp(), owner = NULL, lease_until = NULL, last_error = NULL
   WHERE run_id = $1 AND epoch = $2 AND state = 'copying'`;

const PUT_OFF = `
  UPDATE backup_copies
     SET state = 'pending', owner = NULL, lease_until = NULL, last_error = $3,
         not_before = clock_timestamp() + make_interval(secs => least(3600, ${FIRST_PAUSE_SECONDS} * 2 ^ least(attempts - 1, 10)))
   WHERE run_id = $1 AND epoch = $2 AND state = 'copying'`;

/** Nothing is held against it: its worker was stopped. */
const GIVE_BACK = `
  UPDATE backup_copies
     SET state = 'pending', owner = NULL, lease_until = NULL, attempts = attempts - 1, not_before = clock_timestamp()
   WHERE run_id = $1 AND epoch = $2 AND state = 'copying'`;

const SOURCE = `
  SELECT artefact.file_path AS path, run.backup_trigger AS trigger, config.spec -> 'storage' AS storage,
         config.spec -> 'secondaryStorage' AS "secondaryStorage",
         config.spec -> 'encryption' AS encryption, config.spec -> 'signing' AS signing,
         (config.spec -> 'resources' ->> 'writeBytesPerSecond')::float8 AS "writeBytesPerSecond"
    FROM backup_artefacts AS artefact
    JOIN backup_runs AS run ON run.id = artefact.run_id
    LEFT JOIN backup_configs AS config ON config.id = run.config_id
   WHERE artefact.run_id = $1`;

export function claimCopy(database: DataSource, worker: string): Promise<DueCopy | undefined> {
  return claimOne(database, { name: 'claim of a copy', text: CLAIM }, worker);
}

export async function renewCopy(database: DataSource, { run_id, epoch }: DueCopy): Promise<boolean> {
  const [rows] = await database.query<[unknown[], number]>(RENEW, [run_id, epoch]);
  return rows.length === 1;
}

export async function markStanding(database: DataSource, { run_id, epoch }: DueCopy): Promise<void> {
  await database.query(MARK_STANDING, [run_id, epoch]);
}

export async function putOff(database: DataSource, { run_id, epoch }: DueCopy, why: string): Promise<void> {
  await database.query(PUT_OFF, [run_id, epoch, why]);
}

export async function giveBack(database: DataSource, { run_id, epoch }: DueCopy): Promise<void> {
  await database.query(GIVE_BACK, [run_id, epoch]);
}

export async function copySource(database: DataSource, runId: string): Promise<CopySource | undefined> {
  const [found] = await database.query<CopySource[]>(SOURCE, [runId]);
  return found;
}
