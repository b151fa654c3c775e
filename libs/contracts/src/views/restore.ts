import type { ErrorFacts } from '../events/backup.js';
import type { RunState } from '../words.js';
import type { ProgressView } from './views.js';

/** A restore, as `GET /restores/:id` answers (API-308). Times are RFC 3339. */
export interface RestoreView {
  id: string;
  requestId: string;
  /** Run whose artefact is restored. */
  runId: string;
  config: string;
  target: string;
  databases: { name: string; as: string }[];
  /** The new data directory, where files are restored. */
  directory?: string;
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

export interface RestoreListView {
  restores: RestoreView[];
}

/** What a restore would do, and what stands in its way (`POST /restores/plan`). Changes nothing. */
export interface RestorePlanView {
  runId: string;
  config: string;
  artefact: { path: string; bytes: number; originalBytes: number; proof: string; committedAt: string };
  /** Backups that are restored one over the other, the full one first: of copies of files. */
  chain?: { path: string; level: string; bytes: number }[];
  /** Server that the backup is of, and the server or folder that is restored into. */
  from: { version: string; target: string };
  to: { version: string; target: string; freeBytes?: number };
  databases: { name: string; as: string; bytes: number; tables: number }[];
  /** Each makes the restore impossible until it is removed. */
  obstacles: { kind: RestoreObstacle; what: string }[];
  /** Worth knowing; they do not stop it. */
  warnings: string[];
  /** Seconds, from the rate of the last proof by restore of this config; absent where there is none. */
  expectedSeconds?: number;
}

export const RESTORE_OBSTACLES = [
  'database-exists',
  'database-unknown',
  'role-missing',
  'extension-missing',
  'tablespace-missing',
  'server-older',
  'directory-taken',
  'directory-refused',
  'disk-too-small',
  'wrong-method',
] as const;
export type RestoreObstacle = (typeof RESTORE_OBSTACLES)[number];
