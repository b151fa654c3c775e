export interface DatabaseFacts {
  name: string;
  oid: number;
  /** On disk; null when we may not ask. */
  bytes: number | null;
  owner: string;
  encoding: string;
  collate: string;
  ctype: string;
  /** false: nobody can connect, so it cannot be dumped (`template0`, or switched off by hand). */
  allowConnections: boolean;
  /** Whether we have the right to connect to it. */
  mayConnect: boolean;
  /** A DROP DATABASE was interrupted; all that can be done with it is to drop it. */
  isInvalid: boolean;
  isTemplate: boolean;
  /** -1 for no limit. */
  connectionLimit: number;
}

export interface TablespaceFacts {
  name: string;
  owner: string;
  /** Folder on the server; empty for the built-in ones. */
  location: string;
}

export interface LongTransaction {
  pid: number;
  user: string | null;
  database: string | null;
  applicationName: string | null;
  state: string | null;
  /** Since the transaction began. */
  seconds: number;
}

export interface ArchivingFacts {
  /** `archive_mode` */
  mode: 'off' | 'on' | 'always';
  lastArchivedWal: string | null;
  /** ISO 8601 */
  lastArchivedAt: string | null;
  lastFailedWal: string | null;
  /** ISO 8601 */
  lastFailedAt: string | null;
}

/** What a backup or a repair must know of a server before it begins. */
export interface ClusterFacts {
  /** `server_version_num`, e.g. 150020 */
  versionNum: number;
  major: number;
  /** `15.20` or `15.20 (Debian 15.20-0+deb12u1)` */
  version: string;
  /** Written by initdb; a copy of the cluster has the same. Decimal, larger than a JavaScript number holds. */
  systemIdentifier: string;
  /** Role with OID 10, which initdb made; a restored cluster needs one of the same name. */
  bootstrapSuperuser: string;
  inRecovery: boolean;
  dataChecksums: boolean;
  isSuperuser: boolean;
  /** Every table of every database that allows connections, whatever its row security, and the password hashes. */
  canReadEverything: boolean;
  tablespaces: TablespaceFacts[];
  databases: DatabaseFacts[];
  totals: { databases: number; bytes: number };
  /** What a server must share with this one to read its dump alike, by the names of the settings. */
  settings: Record<string, string>;
}

/** What goes on in a server; nothing that a backup or a repair must know before it begins. */
export interface ServerActivity {
  archiving: ArchivingFacts;
  longTransactions: LongTransaction[];
}
