import type { SandboxView } from '../processes/sandbox-arguments.js';

export interface PrivatePostgresOptions {
  /**
   * Made by initdb when it is empty or missing, used as it is otherwise. For root: the user of the server (`postgres`)
   * must be able to pass through the folders above it.
   */
  dataDir: string;
  /** Folder of `initdb` and `postgres`; by default the newest installation, or that of `major`. */
  bin?: string;
  major?: number;
  /** Default `postgres`. */
  superuser?: string;
  /** Settings as in postgresql.conf; never secrets, they stand on the command line. */
  settings?: Readonly<Record<string, string | number | boolean>>;
  /** `socket` (the default): nothing but the socket folder. `tcp`: 127.0.0.1 as well, with a password. */
  listen?: 'socket' | 'tcp';
  /** For `tcp`: 0 or undefined for a free one. */
  port?: number;
  /** Of the superuser, for logins over TCP. Set when the cluster is made; without it nobody gets in over TCP. */
  password?: string;
  /** After `--locale=C.UTF-8 --encoding=UTF8`; later ones win. */
  initdbArgs?: readonly string[];
  /** What is in it can be thrown away: no fsync, and it is stopped without ceremony. */
  scratch?: boolean;
  /**
   * For what may be written by somebody else: it runs in a sandbox where one can be had, and sees nothing but its data, its
   * socket and this. Its process number says nothing outside of it: nobody else may start a server on the same data.
   */
  sandbox?: SandboxView;
  /** Leave the data directory when disposing. By default one that was there before is kept, one that we made is removed. */
  keep?: boolean;
  /** By default `<dataDir>.log`. */
  logFile?: string;
  /** Milliseconds for the server to become ready (recovery after a crash included); 60 s by default. */
  startTimeoutMs?: number;
  /** Ends the start; whatever runs by then is stopped. */
  signal?: AbortSignal;
}

/** For data that is thrown away anyway. */
export const SCRATCH_SETTINGS = {
  fsync: false,
  synchronous_commit: false,
  full_page_writes: false,
  wal_level: 'minimal',
  max_wal_senders: 0,
  max_wal_size: '4GB',
  jit: false,
} as const;
