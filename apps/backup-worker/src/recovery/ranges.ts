import type { EncryptionSpec, SigningSpec, StorageSpec } from '@hozen/contracts';
import { parseLsn } from '@hozen/dbms';
import type { EntityManager } from 'typeorm';
import { parseGtids } from '../methods/mariadb-binlog/binlog-place.js';
import type { Gtid } from '../methods/mariadb-binlog/binlog-reader.js';
import { BAD_RUNS } from '../runs/bad-backups.js';
import { parseInstant, type Instant } from './instant.js';

/** A copy of a server's files, as far as what can be reached from it. */
export interface CopyRange {
  runId: string;
  system: string;
  timeline: number;
  /** It is consistent from here on. */
  endLsn: bigint;
  at: Instant;
  /** Of a MariaDB server: when it was begun, and the last GTID of each domain in it. */
  beginsAt: Instant | undefined;
  gtids: Gtid[];
}

/** A piece of a server's log. */
export interface LogRange {
  runId: string;
  system: string;
  firstTimeline: number;
  timeline: number;
  startLsn: bigint;
  /** All records up to here are whole. */
  endLsn: bigint;
  /** Whatever was committed before is in it or in an earlier one. */
  upTo: Instant;
  lastTransactionAt: Instant | undefined;
  restorePoints: { name: string; lsn: string; at: string }[];
  /** Folders of tablespaces that are created in it. */
  tablespaces: string[];
  segmentBytes: number;
  /** Of a MariaDB server: when its first file was begun, and the last GTID of each domain at its end. */
  beginsAt: Instant | undefined;
  gtids: Gtid[];
  /** The piece that it goes on from. */
  follows: string | undefined;
  /** A verification found it to be bad: nothing is replayed from there on. */
  bad: boolean;
  stored: StoredLog;
}

/** Where a log stands, and how its config stores, encrypts and signs now. */
export interface StoredLog {
  path: string;
  /** Of the file, as it was written down. */
  sha256: string;
  bytes: number;
  storage: StorageSpec | null;
  encryption: EncryptionSpec | null;
  signing: SigningSpec | null;
  walArchive: StorageSpec | null;
}

export interface Ranges {
  /** Oldest first, both. */
  copies: CopyRange[];
  logs: LogRange[];
}

/** Microseconds and all: the driver's dates have milliseconds. */
const INSTANT = (column: string) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

const STANDING = `
  SELECT range.run_id AS "runId", range.kind, range.system_identifier AS system,
         range.first_timeline::int AS "firstTimeline", range.timeline::int AS timeline,
         range.start_lsn::text AS "startLsn", range.end_lsn::text AS "endLsn",
         ${INSTANT('range.up_to')} AS "upTo", ${INSTANT('range.last_transaction_at')} AS "lastTransactionAt",
         range.restore_points AS "restorePoints", range.tablespaces, range.segment_bytes AS "segmentBytes",
         range.follows_run_id AS "follows", ${INSTANT('range.begins_at')} AS "beginsAt", range.gtids, artefact.file_path AS path, artefact.sha256, artefact.file_size::float8 AS bytes,
         config.spec -> 'storage' AS storage, config.spec -> 'encryption' AS encryption,
         config.spec -> 'signing' AS signing, config.spec -> 'walArchive' AS "walArchive",
         range.kind = 'log' AND artefact.bad_since IS NOT NULL AS bad
    FROM recovery_ranges AS range
    JOIN backup_runs AS run ON run.id = range.run_id
    JOIN backup_artefacts AS artefact ON artefact.run_id = range.run_id
    LEFT JOIN backup_configs AS config ON config.id = run.config_id
   WHERE run.target_id = (SELECT target_id FROM backup_runs WHERE id = $1)
     AND (range.kind = 'log' OR run.config_id = (SELECT config_id FROM backup_runs WHERE id = $1))
     AND coalesce((artefact.proof ->> 'damaged')::boolean, false) = false
     AND NOT EXISTS (SELECT FROM artefact_deletions AS deletion WHERE deletion.run_id = range.run_id)
     AND (range.kind = 'log' OR range.run_id = $1 OR range.run_id NOT IN ${BAD_RUNS})
   ORDER BY run.finished_at`;

interface Row {
  runId: string;
  kind: 'copy' | 'log';
  system: string;
  firstTimeline: number;
  timeline: number;
  startLsn: string;
  endLsn: string;
  upTo: string;
  lastTransactionAt: string | null;
  restorePoints: LogRange['restorePoints'];
  tablespaces: string[];
  segmentBytes: number | null;
  follows: string | null;
  beginsAt: string | null;
  gtids: string | null;
  path: string;
  sha256: string;
  bytes: number;
  storage: StorageSpec | null;
  encryption: EncryptionSpec | null;
  signing: SigningSpec | null;
  walArchive: StorageSpec | null;
  bad: boolean;
}

/** What stands of the config of a run, and all logs of its target; of bad copies only that of the run itself. */
export async function rangesAround(manager: EntityManager, runId: string): Promise<Ranges> {
  const rows = await manager.query<Row[]>(STANDING, [runId]);
  const copies = rows.filter(({ kind }) => kind === 'copy').map(copyOf);
  return { copies, logs: rows.filter(({ kind }) => kind === 'log').map(logOf) };
}

function copyOf({ runId, system, timeline, endLsn, upTo, ...row }: Row): CopyRange {
  return { runId, system, timeline, endLsn: parseLsn(endLsn), at: parseInstant(upTo), ...ofMariadb(row) };
}

function ofMariadb({ beginsAt, gtids }: Pick<Row, 'beginsAt' | 'gtids'>): Pick<CopyRange, 'beginsAt' | 'gtids'> {
  return { beginsAt: beginsAt === null ? undefined : parseInstant(beginsAt), gtids: parseGtids(gtids ?? '') };
}

function logOf(row: Row): LogRange {
  const { runId, system, firstTimeline, timeline, restorePoints, tablespaces } = row;
  const { path, sha256, bytes, storage, encryption, signing, walArchive } = row;
  return {
    runId,
    system,
    firstTimeline,
    timeline,
    startLsn: parseLsn(row.startLsn),
    endLsn: parseLsn(row.endLsn),
    upTo: parseInstant(row.upTo),
    lastTransactionAt: row.lastTransactionAt === null ? undefined : parseInstant(row.lastTransactionAt),
    restorePoints,
    tablespaces,
    segmentBytes: row.segmentBytes ?? 0,
    ...ofMariadb(row),
    follows: row.follows ?? undefined,
    bad: row.bad,
    stored: { path, sha256, bytes, storage, encryption, signing, walArchive },
  };
}
