import type { DatabaseContent } from '../artefact/artefact-index.js';
import type { BackupLevel } from '@hozen/contracts';
import type { ClusterFacts } from '@hozen/dbms';
import type {
  ManifestDatabase,
  ManifestFiles,
  ManifestFormat,
  ManifestGit,
  ManifestMariadb,
  ManifestParts,
  ManifestPhysical,
  ManifestWal,
} from '../artefact/manifest.js';

/** What a dump found and wrote. */
export interface DumpSummary {
  format: ManifestFormat;
  /** Bytes of all streams before compression. */
  originalBytes: number;
  databases: ManifestDatabase[];
  tables: number;
  tablespaces: { name: string; location: string }[];
  /** For people: what was left out or may surprise at a restore. */
  warnings: string[];
  /** What was made, where less could not be. */
  level?: BackupLevel;
  /** As one file of SQL. */
  sql?: boolean;
  /** Where not the whole server was dumped. */
  parts?: ManifestParts;
  /** Of a copy of files. */
  physical?: {
    facts: ManifestPhysical;
    /** The list of the files, to stand beside the artefact. */
    list: string;
  };
  /** Of a piece of WAL. */
  wal?: ManifestWal;
  /** Of a tree of files. */
  files?: {
    facts: ManifestFiles;
  };
  /** Of configuration files. */
  git?: ManifestGit;
  /** Of a MariaDB or MySQL server. */
  mariadb?: ManifestMariadb;
  server: ServerSummary;
  /** What the streams hold: goes into the artefact's index. */
  contents: DatabaseContent[];
  seconds: number;
  /** Original megabytes (10^6) a second. */
  megabytesPerSecond: number;
}

/** Of a server that is copied over the replication protocol: no program of its own takes part. */
export function serverSummary(facts: ClusterFacts): ServerSummary {
  const { systemIdentifier, version, major, bootstrapSuperuser: superuser, inRecovery } = facts;
  return { systemIdentifier, version, major, superuser, inRecovery, tools: version };
}

export interface ServerSummary {
  systemIdentifier: string;
  version: string;
  major: number;
  superuser: string;
  inRecovery: boolean;
  tools: string;
}
