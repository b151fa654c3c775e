import type { ErrorFacts } from '../events/backup.js';
import type { PolicyKind, WatchVerdict } from '../words.js';
import type { MeasureDeviation, ReachedPoint, RecoveryPoint } from '../events/restore.js';
import type { RunState } from '../words.js';
import type { BadBackupView, ProgressView } from './views.js';

/** A restore, as `GET /restores/:id` answers (API-308). Times are RFC 3339. */
export interface RestoreView {
  id: string;
  requestId: string;
  /** Run whose artefact is restored. */
  runId: string;
  config: string;
  target: string;
  databases: { name: string; as: string; into?: true; schemas?: string[]; tables?: string[] }[];
  /** All databases of the backup, with the roles that are missing. */
  whole?: true;
  /** What may be brought although nobody answers for the backup: `kind:name`, `kind:*`, or `*`. */
  allow?: string[];
  /** The databases take the place of those that bear their names, or the tree that of the folder. */
  inPlace?: true;
  /** Only what differs is written, into a directory that stands. */
  delta?: true;
  /** Of a restore in place or of differences: what is to be approved of, until when, and who did. */
  planHash?: string;
  approvalUntil?: string;
  approval?: RestoreApproval;
  /** Of one in place into a target with a `baseline`: whether the server performs as before. */
  watch?: RestoreWatchView;
  /** The new data directory, where files are restored. */
  directory?: string;
  /** How far the log is replayed over the copy, and how far it was. */
  point?: RecoveryPoint;
  reached?: ReachedPoint;
  state: RunState;
  attempt: number;
  requestedBy?: string;
  reason?: string;
  queuedAt: string;
  startedAt?: string;
  finishedAt?: string;
  progress?: ProgressView;
  result?: { name: string; as: string; tables: number }[];
  error?: ErrorFacts;
  warnings: string[];
  traceId?: string;
}

/** How a restored server is watched. Before the end of the restore what is normal is only written down. */
export interface RestoreWatchView {
  state: 'recorded' | 'watching' | 'ended';
  thresholdPercent: number;
  /** RFC 3339. */
  until?: string;
  /** Outside of the normal range now, or at the end. */
  deviations: MeasureDeviation[];
  verdict?: WatchVerdict;
}

/** Who let a restore in place begin. */
export interface RestoreApproval {
  by: string;
  /** RFC 3339. */
  at: string;
  /** Why nobody else could be asked. */
  breakGlass?: string;
}

export interface RestoreListView {
  restores: RestoreView[];
}

/** What a restore would do, and what stands in its way (`POST /restores/plan`). Changes nothing. */
export interface RestorePlanView {
  runId: string;
  config: string;
  artefact: { path: string; bytes: number; originalBytes: number; proof?: string; committedAt: string };
  /** The backup that was named is bad; the newest sound one of its config, where there is one. */
  bad?: BadBackupView & { instead?: string };
  /** Backups that are restored one over the other, the full one first: of copies of files. */
  chain?: { path: string; level: string; bytes: number }[];
  /** Of a restore to a point: the logs that are replayed. */
  logs?: { count: number; bytes: number; upTo: string };
  /** The moments to which the standing backups of the config can be brought, oldest first. */
  recoverable?: RecoverableRange[];
  /** Server that the backup is of, and the server or folder that is restored into. */
  from: { version: string; target: string };
  to: { version: string; target: string; freeBytes?: number };
  databases: PlannedDatabase[];
  /** Of a restore of everything: roles that are made, those of them that may do anything, and those that stay although they differ. */
  roles?: { create: string[]; superusers: string[]; kept: string[] };
  /** Of a restore in place: the databases that are replaced, and the config that backs them up before; or the folder. */
  inPlace?: { replaces: string[]; safetyConfig?: string };
  /** Of a restore of differences: what it writes over. */
  delta?: DeltaPlanView;
  /** Of a restore over what is there: what is done, in this order. */
  steps?: RestoreStep[];
  /** SHA-256 of all that is decided here: what is approved of is what runs. */
  hash?: string;
  /** What it would bring that may do more than hold data, who answers for it, and whether it was found to be bad. */
  policy?: { trust: PolicyTrust; findings: PolicyFinding[] };
  /** Each makes the restore impossible until it is removed. */
  obstacles: { kind: RestoreObstacle; what: string }[];
  /** Worth knowing; they do not stop it. */
  warnings: string[];
  /** Seconds, from the rate of the last proof by restore of this config; absent where there is none. */
  expectedSeconds?: number;
}

/**
 * Who answers for a backup: the signing key of its config, our own books, which know its checksum since it was made, or nobody
 * (it was adopted, or exchanged).
 */
export type PolicyTrust = 'signed' | 'recorded' | 'none';

export interface PolicyFinding {
  kind: PolicyKind;
  /** Of the object; `kind:name` is what allows it. */
  name: string;
  /** Name of the database in the backup, or `roles`; of a copy of files, its target; of a bad backup, its config. */
  where: string;
  /** Because somebody answers for the backup, or because it was named. */
  allowed: boolean;
}

/** A data directory that is to be what a backup holds. */
export interface DeltaPlanView {
  /** All that are written into: the directory itself, and where its WAL and its tablespaces lie. */
  folders: string[];
  /** Of the backup. What has the right size is read, and only written where it differs. */
  files: number;
  missing: number;
  otherSize: number;
  /** What the backup does not have, and is removed. */
  removed: number;
  /** The restore that was begun there and did not come to its end. */
  unfinished?: string;
}

export interface PlannedDatabase {
  name: string;
  as: string;
  bytes: number;
  tables: number;
  /** Where only parts of it are restored. */
  parts?: {
    /** The first tables with their rows. */
    tables: string[];
    /** The first tables that come without rows, because others need their definition. */
    withoutRows: string[];
    /** What belongs to them and is not restored, because it needs something that is not. */
    unrestorable: string[];
  };
}

/** Any moment from one to the other, RFC 3339. */
export interface RecoverableRange {
  from: string;
  upTo: string;
}

export const RESTORE_STEPS = ['safety-backup', 'close', 'restore', 'compare', 'swap', 'open'] as const;
export const DELTA_STEPS = ['lock', 'overwrite', 'compare', 'unlock'] as const;
export const TREE_STEPS = ['restore', 'compare', 'exchange'] as const;
export type RestoreStep = (typeof RESTORE_STEPS | typeof DELTA_STEPS | typeof TREE_STEPS)[number];

export const RESTORE_OBSTACLES = [
  'backup-bad',
  'database-exists',
  'database-unknown',
  'database-missing',
  'database-irreplaceable',
  'table-points',
  'table-unknown',
  'table-exists',
  'safety-config-missing',
  'role-missing',
  'extension-missing',
  'tablespace-missing',
  'locale-missing',
  'locks-too-few',
  'server-older',
  'setting-missing',
  'directory-taken',
  'bucket-taken',
  'directory-refused',
  'directory-foreign',
  'directory-irreplaceable',
  'other-cluster',
  'server-running',
  'disk-too-small',
  'wrong-method',
  'point-uncovered',
  'copy-without-log',
  'tablespace-created',
  'programs-missing',
  'not-allowed',
] as const;
export type RestoreObstacle = (typeof RESTORE_OBSTACLES)[number];
