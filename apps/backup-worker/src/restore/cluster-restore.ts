import type { PostgresAddress, PostgresTools, ToolEnvironment } from '@hozen/dbms';
import type { ArtefactFile } from '../artefact/artefact-file.js';

/** A restore that is going on: what its parts share. */
export interface ClusterRestore {
  file: ArtefactFile;
  address: PostgresAddress;
  env: ToolEnvironment;
  tools: PostgresTools;
  jobs: number;
  spoolDir: string;
  tablespacesInPlace: boolean;
  signal?: AbortSignal;
  onBytes(bytes: number, item: string): void;
}
