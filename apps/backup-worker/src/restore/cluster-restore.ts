import type { PostgresAddress, PostgresTools, ToolEnvironment } from '@hozen/dbms';
import type { ArtefactFile } from '../artefact/artefact-file.js';
import type { Slots } from '../pipeline/slots.js';

/** A restore that is going on: what its parts share. */
export interface ClusterRestore {
  file: ArtefactFile;
  address: PostgresAddress;
  env: ToolEnvironment;
  tools: PostgresTools;
  /** Processes at a time that load and build, of all its databases together. */
  jobs: number;
  /** As many as there are jobs. */
  slots: Slots;
  spoolDir: string;
  tablespacesInPlace: boolean;
  /** Of its sessions. */
  applicationName: string;
  signal?: AbortSignal;
  onBytes(bytes: number, item: string): void;
}

/**
 * What roles and databases bring along by ALTER ... SET must not stop the restore of what follows: a database that is
 * read-only by default could not be filled.
 */
export const SESSION_OPTIONS = [
  'default_transaction_read_only=off',
  'statement_timeout=0',
  'lock_timeout=0',
  'idle_in_transaction_session_timeout=0',
  // Every definition is a transaction: nobody waits for the disk for each. FLUSH does, for all.
  'synchronous_commit=off',
];

/**
 * Returns when everything that was committed before is on disk: after it, what a comparison finds is what stays. By a
 * transaction that changes nothing.
 */
export const FLUSH = `SET synchronous_commit = on; SELECT pg_logical_emit_message(true, 'hozen', 'restored')`;
