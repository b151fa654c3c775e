import type {
  DataOf,
  ErrorFacts,
  ProgressView,
  ReachedPoint,
  RecoveryPoint,
  RestoreDatabase,
  RestoreApproval,
  RunState,
} from '@hozen/contracts';

import type { WatchRow } from '../performance/watch-row.js';

export interface WantedDatabase {
  name: string;
  as: string;
  /** Where only parts of it are wanted. */
  schemas?: string[];
  tables?: string[];
  /** They go into a database of this name, which is there. */
  into?: true;
}

/** Whether less than all of it is wanted. */
export function isPartOf({ schemas, tables }: Pick<WantedDatabase, 'schemas' | 'tables'>): boolean {
  return schemas !== undefined || tables !== undefined;
}

export function wantedDatabase({ name, as, into, schemas, tables }: RestoreDatabase): WantedDatabase {
  const parts = { ...(schemas ? { schemas } : {}), ...(tables ? { tables } : {}) };
  if (into !== undefined) return { name, as: into, into: true, ...parts };
  return { name, as: as ?? (isPartOf(parts) ? `${name}_restored` : name), ...parts };
}

/** A row of `restores`. Bigints come as text from the driver. */
export interface RestoreRow {
  id: string;
  request_id: string;
  run_id: string;
  config_name: string;
  target_id: string | null;
  target_name: string;
  databases: WantedDatabase[];
  /** All of the backup, with the roles that are missing; `databases` is known when it was opened. */
  whole: boolean;
  /** The new data directory, where files are restored. */
  directory: string | null;
  /** The databases take the place of those that bear their names; or the tree that of the directory. */
  in_place: boolean;
  /** Only what differs of it is written over, instead. */
  delta: boolean;
  plan_hash: string | null;
  approval_until: Date | null;
  approval: RestoreApproval | null;
  /** Databases that were closed, and are not open again. */
  closed: ClosedDatabase[] | null;
  /** Of a MariaDB server: what was taken away for a moment, and is not there again. */
  set_aside: object | null;
  /** Of everything, in a MariaDB or MySQL server: the accounts that it makes, as {@link storedAccounts} names them. */
  accounts: string[] | null;
  /** How far the log is replayed over them, and how far it was. */
  point: RecoveryPoint | null;
  reached: ReachedPoint | null;
  /** What it may bring although nobody answers for the backup. */
  allow: string[];
  requested_by: string | null;
  reason: string | null;
  traceparent: string | null;
  state: RunState;
  owner: string | null;
  epoch: string;
  attempt: number;
  opening: boolean;
  cancel_requested_at: Date | null;
  progress: ProgressView | null;
  result: RestoredDatabase[] | null;
  warnings: string[];
  error: ErrorFacts | null;
  queued_at: Date;
  started_at: Date | null;
  finished_at: Date | null;
  /** Where it was asked for together with the row. */
  watch?: WatchRow | null;
}

/** How many sessions a database allowed before it was closed; -1: any number. */
export interface ClosedDatabase {
  name: string;
  limit: number;
}

export interface RestoredDatabase extends Pick<WantedDatabase, 'name' | 'as'> {
  tables: number;
}

/** What names the restore in every event of it. */
export function restoreFacts(row: RestoreRow): { [F in keyof DataOf<'restore.accepted'>]: string } {
  return {
    restoreId: row.id,
    requestId: row.request_id,
    runId: row.run_id,
    config: row.config_name,
    target: row.target_name,
  };
}
