import type { ErrorFacts } from '../events/backup.js';
import type { IoClass } from '../files/resources-spec.js';
import type { BackupLevel, BackupTrigger, ProofLevel, RunState, TargetKind } from '../words.js';

/** What an executor is doing in an attempt, in order. */
export const RUN_PHASES = [
  'checking',
  'dumping',
  'committing',
  'verifying',
  'restoring',
  'replaying',
  'comparing',
  'analyzing',
  'finishing',
] as const;
export type RunPhase = (typeof RUN_PHASES)[number];

/** Progress of a running attempt, as the executor last wrote it with its lease. */
export interface ProgressView {
  phase: RunPhase;
  /** Bytes of original data read so far in this phase. */
  bytes: number;
  /** Expected bytes of this phase; absent where it cannot be known. */
  expectedBytes?: number;
  /** 0 to 100; absent where it cannot be known. */
  percent?: number;
  bytesPerSecond: number;
  /** Seconds left in this phase; absent where it cannot be known. */
  remainingSeconds?: number;
  /** What is being worked on: the database or table. */
  item?: string;
}

/** One try of a run: a row of `backup_log`. Times are RFC 3339. */
export interface AttemptView {
  attempt: number;
  startedAt: string;
  finishedAt?: string;
  status: 'running' | 'success' | 'failure';
  error?: string;
  worker?: string;
  /** How it is held to the limits of its config. */
  resources?: ResourceUseView;
}

/**
 * `cgroup`: the kernel holds the programs to the share, and the worker paces itself. `niceness`: programs give way to all others,
 * and the worker paces itself and, through their pipes, them. `unlimited`: the config asks for no limit.
 */
export const CPU_MEANS = ['cgroup', 'niceness', 'unlimited'] as const;
export type CpuMeans = (typeof CPU_MEANS)[number];

/** What limits an attempt. */
export interface ResourceUseView {
  cpu: CpuMeans;
  /** Of all processors that the worker may use. */
  cpuPercent: number;
  ioClass: IoClass;
  /** Of the class best-effort. */
  ioLevel?: number;
  readBytesPerSecond?: number;
  writeBytesPerSecond?: number;
}

export interface ArtefactView {
  path: string;
  manifestPath: string;
  checksumPath: string;
  bytes: number;
  originalBytes: number;
  sha256: string;
  /** Of one that was found in storage and not read yet there is none. `files` of a tree of files: paths that were compared. */
  proof?: {
    level: ProofLevel;
    databases: number;
    tables: number;
    files?: number;
    /** The commit that has the files, and whether the run made it. */
    commit?: { id: string; changed: boolean };
    seconds: number;
    provenAt: string;
  };
  /** It counts as proven no more. */
  bad?: BadBackupView;
  /** It is kept whatever the rules say. */
  held?: { reason: string; by?: string; since: string };
  /** In the second storage, where there is one. */
  copy?: CopyView;
  /** The rules let it go; its files are removed since then, or about to be. */
  expiredAt?: string;
  deletedAt?: string;
}

/** A verification found a backup to be bad, or one that it builds on. */
export interface BadBackupView {
  /** RFC 3339. */
  since: string;
  /** The verification that found it. */
  verification?: string;
  /** Run of the bad one, where it is another one that this builds on. */
  buildsOn?: string;
}

/** `pending`: it could not be written with the first one, and is made later; `copying`: just now. */
export type CopyState = 'pending' | 'copying' | 'standing' | 'deleted';

export interface CopyView {
  path: string;
  state: CopyState;
  /** Tries to make it later. */
  attempts: number;
  /** Why it is not there yet. */
  error?: string;
  standingSince?: string;
}

/** What a queued run waits for. */
export type WaitView =
  /** The next try, or the time it was asked for. */
  | { kind: 'time'; until: string }
  /** Another run of its target. */
  | { kind: 'target'; runId: string; config: string }
  /** A place at a storage that takes only so many runs at a time. `ahead`: runs that asked before. */
  | { kind: 'storage'; storage: string; limit: number; running: number; ahead: number }
  /** Room on a disk that is kept for runs at work, or that asked before. */
  | { kind: 'space'; path: string; neededBytes: number; freeBytes: number; keptBytes: number }
  /** A worker that is free. */
  | { kind: 'worker' };

/** A run, as `GET /backups/:id` answers (API-307). Times are RFC 3339. */
export interface RunView {
  id: string;
  requestId: string;
  recordId?: number;
  config: string;
  target: string;
  level: BackupLevel;
  trigger: BackupTrigger;
  state: RunState;
  /** The run that made what this one builds on: an incremental or differential backup. */
  parentRunId?: string;
  requestedBy?: string;
  reason?: string;
  queuedAt: string;
  startedAt?: string;
  finishedAt?: string;
  /** When a queued run may start: set between tries. */
  notBefore?: string;
  /** Of a queued run: all that it waits for; empty where it is about to start. */
  waitsFor?: WaitView[];
  attempts: AttemptView[];
  progress?: ProgressView;
  artefact?: ArtefactView;
  bytesPerSecond?: number;
  error?: ErrorFacts;
  warnings: string[];
  traceId?: string;
}

export interface RunListView {
  runs: RunView[];
  /** Pass as `before` to get the next page. */
  next?: string;
}

/** A server that is backed up, without its secrets. */
export interface TargetView {
  name: string;
  kind: TargetKind;
  host?: string;
  port?: number;
  /** Of a folder. */
  path?: string;
}

export interface ConfigView {
  name: string;
  target: string;
  method: string;
  level: BackupLevel;
  storagePath: string;
  timeZone: string;
  proof: ProofLevel;
  retentionDays: number;
  lastRun?: { id: string; state: RunState; finishedAt?: string };
}

export interface ScheduleView {
  name: string;
  cron: string;
  timeZone: string;
  event: string;
  request: Record<string, unknown>;
  enabled: boolean;
  /** The next fires, RFC 3339, soonest first. */
  nextFires: string[];
  lastFiredAt?: string;
}

/** One notice on one channel: a row of the delivery ledger. */
export interface DeliveryView {
  id: string;
  eventId: string;
  eventType: string;
  runId?: string;
  channel: 'email' | 'slack';
  recipient: string;
  /** Address as shown to people; a webhook is never shown. */
  destination: string;
  state: 'planned' | 'sending' | 'sent' | 'failed';
  attempts: number;
  providerId?: string;
  error?: string;
  sentAt?: string;
}

/** What applying a configuration changes. */
export interface ChangeView {
  kind: 'target' | 'config' | 'schedule' | 'recipient' | 'rule' | 'setting';
  name: string;
  change: 'create' | 'update' | 'unchanged';
  /** Changed fields: before and after, as JSON. */
  fields: { field: string; before?: unknown; after?: unknown }[];
}
export interface ChangeListView {
  applied: boolean;
  changes: ChangeView[];
}

/** Body of every answer that is an error. */
export interface ErrorView {
  error: ErrorFacts;
  /** For refused input: every reason. */
  reasons?: { field: string; value?: string; message: string }[];
}
