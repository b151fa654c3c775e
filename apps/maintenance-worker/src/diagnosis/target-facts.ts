import type { ClusterFacts, ServerActivity } from '@hozen/dbms';

/** Everything the diagnosis saw, as it stands in `db_status.status`. Times are seconds, sizes bytes. */
export interface TargetFacts {
  server: ServerFacts;
  connections: ConnectionFacts;
  blocked: BlockedSession[];
  preparedTransactions: PreparedTransaction[];
  slots: SlotFacts[];
  standbys: StandbyFacts[];
  settings: Record<string, string>;
  /** Only where the server's disk is ours as well. */
  disk?: DiskFacts;
  /** All databases of the server. */
  databases: DatabaseHealth[];
  /** The databases that were asked for, as far as one can connect to them. */
  details: DatabaseDetails[];
}

export type ServerFacts = Omit<ClusterFacts, 'databases' | 'settings'> & ServerActivity;

export interface ConnectionFacts {
  max: number;
  total: number;
  active: number;
  idleInTransaction: number;
  waiting: number;
}

export interface BlockedSession {
  pid: number;
  blockedBy: number[];
  database: string | null;
  user: string | null;
  applicationName: string | null;
  seconds: number;
}

export interface PreparedTransaction {
  name: string;
  database: string;
  owner: string;
  seconds: number;
}

export interface SlotFacts {
  name: string;
  type: string;
  active: boolean;
  walStatus: string | null;
  /** WAL it holds back. */
  retainedBytes: number | null;
}

export interface StandbyFacts {
  applicationName: string | null;
  state: string | null;
  syncState: string | null;
  lagBytes: number | null;
}

export interface DiskFacts {
  path: string;
  totalBytes: number;
  freeBytes: number;
}

export interface DatabaseHealth {
  name: string;
  allowConnections: boolean;
  isTemplate: boolean;
  isInvalid: boolean;
  bytes: number | null;
  /** Transactions since its oldest row was frozen, of 2,147 million that there are. */
  transactionAge: number;
  multixactAge: number;
  checksumFailures: number | null;
  /** The version of the collation rules that its indexes were built with, and that of the system now. */
  collationVersion: string | null;
  actualCollationVersion: string | null;
}

export interface DatabaseDetails {
  name: string;
  tables: TableFacts[];
  indexes: IndexFacts[];
  /** Collations of the database whose rules have changed under its indexes. */
  driftedCollations: string[];
}

export interface TableFacts {
  oid: number;
  schema: string;
  name: string;
  kind: 'table' | 'materialized view' | 'partitioned table';
  isCatalog: boolean;
  bytes: number;
  rows: number;
  deadRows: number;
  changedSinceAnalyze: number;
  everAnalyzed: boolean;
  transactionAge: number;
  /** Whether our user may vacuum it; the server only skips it otherwise. */
  maintainable: boolean;
}

/** An index that is not valid, or large enough to be looked at for bloat. */
export interface IndexFacts {
  oid: number;
  schema: string;
  name: string;
  tableOid: number;
  table: string;
  bytes: number;
  valid: boolean;
  /** Only a plain index can be rebuilt while the table is in use. */
  kind: 'index' | 'partitioned index' | 'exclusion constraint';
  /** Names of the other indexes of its table. */
  siblings: string[];
  /** Sessions that are building on its table at this moment. */
  builders: number[];
  /** Whether our user may rebuild it. */
  maintainable: boolean;
  /** Estimated share that is empty; undefined where it cannot be told (expressions, no statistics). */
  bloatPercent?: number;
}
