/**
 * The words of the field, as this system uses them. Each list is the whole list: a value outside it is refused.
 *
 * - **level**: how much a backup holds. `differential` = since the last full, `incremental` = since the last backup of
 *   any level, `transaction_log` = WAL or binlog since the last one.
 * - **trigger**: who asked: a person (`manual`) or a schedule (`automatic`). The table `backup_records` calls it `backup_type`.
 * - **run**: one accepted request. **attempt**: one try of a run. **artefact**: what a successful run leaves in storage.
 * - **target**: a server, a folder, a set of configuration files, or a bucket, that is backed up. **config**: what to back up, how, where to, and for how long it is kept.
 */
export const BACKUP_LEVELS = ['full', 'differential', 'incremental', 'transaction_log'] as const;
export type BackupLevel = (typeof BACKUP_LEVELS)[number];

export const BACKUP_TRIGGERS = ['manual', 'automatic'] as const;
export type BackupTrigger = (typeof BACKUP_TRIGGERS)[number];

export const TARGET_KINDS = ['postgres', 'mariadb', 'files', 'configuration', 's3'] as const;
export type TargetKind = (typeof TARGET_KINDS)[number];

/**
 * `postgres-logical`: with pg_dump, database by database. `postgres-physical`: a copy of the server's files, with the WAL for it.
 * `postgres-wal`: the WAL since the last time. `mariadb-logical`: with mariadb-dump, all databases at one moment.
 * `mariadb-physical`: with mariadb-backup, the server's files. `mariadb-binlog`: its binary log since the last time.
 * `files`: a folder with all that is below it, with GNU tar. `git-config`: configuration files as text, committed to a Git
 * repository. `s3`: the objects of a bucket.
 */
export const BACKUP_METHODS = [
  'postgres-logical',
  'postgres-physical',
  'postgres-wal',
  'mariadb-logical',
  'mariadb-physical',
  'mariadb-binlog',
  'files',
  'git-config',
  's3',
] as const;
export type BackupMethod = (typeof BACKUP_METHODS)[number];

/** What each method can make. */
export const METHOD_LEVELS: Readonly<Record<BackupMethod, readonly BackupLevel[]>> = {
  'postgres-logical': ['full'],
  'postgres-physical': ['full', 'differential', 'incremental'],
  'postgres-wal': ['transaction_log'],
  'mariadb-logical': ['full'],
  'mariadb-physical': ['full', 'differential', 'incremental'],
  'mariadb-binlog': ['transaction_log'],
  files: ['full', 'incremental'],
  'git-config': ['full'],
  s3: ['full', 'incremental'],
};

const METHOD_KINDS: Readonly<Record<BackupMethod, TargetKind>> = {
  'postgres-logical': 'postgres',
  'postgres-physical': 'postgres',
  'postgres-wal': 'postgres',
  'mariadb-logical': 'mariadb',
  'mariadb-physical': 'mariadb',
  'mariadb-binlog': 'mariadb',
  files: 'files',
  'git-config': 'configuration',
  s3: 's3',
};

/** What each method is for. */
export function kindOf(method: BackupMethod): TargetKind {
  return METHOD_KINDS[method];
}

/**
 * How a standing backup is proven once more. `full`: the newest one, restored and compared. `sample`: one that is drawn, restored and compared.
 * `spot`: one that is drawn, read back and checked.
 */
export const VERIFICATION_KINDS = ['full', 'sample', 'spot', 'key'] as const;
export type VerificationKind = (typeof VERIFICATION_KINDS)[number];

/** What is looked at to tell whether a server performs as it did. */
export const PERFORMANCE_MEASURES = [
  'roundTripMs',
  'statementMs',
  'commitsPerSecond',
  'readMsPerSecond',
  'cacheHitPercent',
  'tempBytesPerSecond',
  'connections',
  'deadlocksPerHour',
] as const;
export type PerformanceMeasure = (typeof PERFORMANCE_MEASURES)[number];

/** What a watch after a restore says in the end; `unknown`: too little was known of what is normal, or seen since. */
export const WATCH_VERDICTS = ['well', 'deviated', 'unknown'] as const;
export type WatchVerdict = (typeof WATCH_VERDICTS)[number];

/** What a failed verification says of the backup. */
export const VERDICTS = ['bad', 'unknown'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** How far a backup is proven before it counts: read back and checked, or restored into a scratch server and compared. */
export const PROOF_LEVELS = ['checksum', 'restore'] as const;
export type ProofLevel = (typeof PROOF_LEVELS)[number];

/** How a dump of PostgreSQL stands in its file: as an archive of dumps, or as the SQL that makes the server anew. */
export const DUMP_FORMATS = ['archive', 'sql'] as const;
export type DumpFormat = (typeof DUMP_FORMATS)[number];

export const COMPRESSIONS = ['gzip', 'zstd', 'none'] as const;
export type Compression = (typeof COMPRESSIONS)[number];

export const MAINTENANCE_TYPES = ['repair', 'optimize', 'rebuild'] as const;
export type MaintenanceType = (typeof MAINTENANCE_TYPES)[number];

export const MAINTENANCE_SEVERITIES = ['critical', 'high', 'medium'] as const;
export type MaintenanceSeverity = (typeof MAINTENANCE_SEVERITIES)[number];

export const LANGUAGES = ['en', 'ja', 'zh'] as const;
export type Language = (typeof LANGUAGES)[number];

/** A run's life. `queued` waits for a worker or for `not_before`; the last three are final. */
export const RUN_STATES = ['queued', 'running', 'completed', 'failed', 'cancelled'] as const;
export type RunState = (typeof RUN_STATES)[number];

/** A maintenance run's life. The last three are final. */
export const MAINTENANCE_STATES = [
  /** Taken over from the request; waits for a worker, and for other maintenance of its target to end. */
  'accepted',
  /** The target is looked at; nothing is changed. */
  'diagnosing',
  /** The safety backup was asked for; its event is awaited, by a deadline in the row and no process. */
  'backing_up',
  /** The safety backup is there; the planned steps are carried out. */
  'optimizing',
  'completed',
  'failed',
  'cancelled',
] as const;
export type MaintenanceState = (typeof MAINTENANCE_STATES)[number];

/** What a maintenance step does. */
export const MAINTENANCE_STEP_KINDS = ['vacuum', 'analyze', 'reindex'] as const;
export type MaintenanceStepKind = (typeof MAINTENANCE_STEP_KINDS)[number];

/** A step's life. `running` without a living worker: it was interrupted and is made again from its beginning. */
export const MAINTENANCE_STEP_STATES = ['planned', 'running', 'done', 'failed', 'skipped'] as const;
export type MaintenanceStepState = (typeof MAINTENANCE_STEP_STATES)[number];

/** How a target was found: nothing to do, something to do, or damage and danger that need a person. */
export const TARGET_VERDICTS = ['healthy', 'attention', 'critical'] as const;
export type TargetVerdict = (typeof TARGET_VERDICTS)[number];

/** What a backup may bring that may do more than hold data, and what else is restored only on purpose. */
export const POLICY_KINDS = [
  'extension',
  'language',
  'function-c',
  'security-definer',
  'event-trigger',
  'publication',
  'subscription',
  'foreign-server',
  'program',
  'server-file',
  'role',
  'setting',
  'statement',
  'event',
  'plugin',
  'client-command',
  'ambiguous',
  'copy',
  'bad-backup',
] as const;
export type PolicyKind = (typeof POLICY_KINDS)[number];
