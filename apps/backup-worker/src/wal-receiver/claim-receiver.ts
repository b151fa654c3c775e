import { claimOne } from '@hozen/persistence';
import type { DataSource } from 'typeorm';
import { LEASE_SECONDS } from '../runs/lease.js';

/** A config whose WAL is to be received. Bigints come as text from the driver. */
export interface DueReceiver {
  config_id: string;
  epoch: string;
  config: unknown;
  target: unknown;
  /** Of config and target as they were: others need another receiver. */
  version: string;
}

const VERSION = `md5(config.spec::text || target.spec::text)`;

const ADD_ROWS = `
  INSERT INTO wal_receivers (config_id)
  SELECT id FROM backup_configs WHERE spec -> 'continuous' = 'true' ON CONFLICT DO NOTHING`;

/** The next one that nobody receives, or whose worker is dead. */
const CLAIM = `
  UPDATE wal_receivers AS receiver
     SET owner = $1, epoch = nextval('fence_epoch'),
         lease_until = clock_timestamp() + make_interval(secs => ${LEASE_SECONDS})
    FROM backup_configs AS config, backup_targets AS target
   WHERE config.id = receiver.config_id AND target.id = config.target_id
     AND receiver.config_id = (
       SELECT due.config_id FROM wal_receivers AS due JOIN backup_configs AS wanted ON wanted.id = due.config_id
        WHERE wanted.spec -> 'continuous' = 'true'
          AND (due.lease_until IS NULL OR due.lease_until < clock_timestamp())
        ORDER BY due.config_id
        LIMIT 1
          FOR UPDATE OF due SKIP LOCKED)
  RETURNING receiver.config_id, receiver.epoch, config.spec AS config, target.spec AS target, ${VERSION} AS version`;

/** As long as the config is what it was. */
const RENEW = `
  UPDATE wal_receivers AS receiver
     SET lease_until = clock_timestamp() + make_interval(secs => ${LEASE_SECONDS}), last_error = $5,
         received_at = CASE WHEN receiver.received_until IS DISTINCT FROM $4::pg_lsn THEN clock_timestamp()
                            ELSE receiver.received_at END,
         received_until = coalesce($4::pg_lsn, receiver.received_until)
    FROM backup_configs AS config, backup_targets AS target
   WHERE receiver.config_id = $1 AND receiver.epoch = $2 AND receiver.lease_until > clock_timestamp()
     AND config.id = receiver.config_id AND target.id = config.target_id AND ${VERSION} = $3
  RETURNING receiver.config_id`;

const GIVE_BACK = `
  UPDATE wal_receivers SET owner = NULL, lease_until = NULL WHERE config_id = $1 AND epoch = $2`;

const IS_WANTED = `SELECT FROM backup_configs WHERE id = $1 AND spec -> 'continuous' = 'true'`;

export async function claimReceiver(database: DataSource, worker: string): Promise<DueReceiver | undefined> {
  await database.query(ADD_ROWS);
  return claimOne(database, { name: 'claim of a receiver', text: CLAIM }, worker);
}

export async function renewReceiver(
  database: DataSource,
  { config_id, epoch, version }: DueReceiver,
  now: { receivedUntil: string | null; lastError: string | null },
): Promise<boolean> {
  const values = [config_id, epoch, version, now.receivedUntil, now.lastError];
  const [rows] = await database.query<[unknown[], number]>(RENEW, values);
  return rows.length === 1;
}

export async function giveBackReceiver(database: DataSource, { config_id, epoch }: DueReceiver): Promise<void> {
  await database.query(GIVE_BACK, [config_id, epoch]);
}

/** Whether its config still is one whose WAL is received. */
export async function isReceiverWanted(database: DataSource, { config_id }: DueReceiver): Promise<boolean> {
  return (await database.query<unknown[]>(IS_WANTED, [config_id])).length > 0;
}
