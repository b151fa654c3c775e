import type { BackupJob } from '../../job.js';
import type { CheckedTarget } from './checked-target.js';

/** `cluster.json`: what a server must be like to take this backup back, for people and for the restore. */
export interface ClusterJson {
  version: 1;
  runId: string;
  target: string;
  systemIdentifier: string;
  postgres: { version: string; versionNum: number; major: number; inRecovery: boolean };
  tools: string;
  superuser: string;
  databases: ClusterDatabase[];
  tablespaces: { name: string; owner: string; location: string }[];
  settings: Record<string, string>;
}

export interface ClusterDatabase {
  folder: string;
  name: string;
  owner: string;
  encoding: string;
  collate: string;
  ctype: string;
  bytes: number;
  connectionLimit: number;
  isTemplate: boolean;
}

/** In the artefact. @param index of the database among those that are dumped */
export function folderOf(index: number): string {
  return `databases/${String(index + 1).padStart(4, '0')}`;
}

export function clusterJson(job: BackupJob, target: CheckedTarget): ClusterJson {
  const { facts, tools } = target;
  return {
    version: 1,
    runId: job.runId,
    target: job.target.name,
    systemIdentifier: facts.systemIdentifier,
    postgres: {
      version: facts.version,
      versionNum: facts.versionNum,
      major: facts.major,
      inRecovery: facts.inRecovery,
    },
    tools: tools.version,
    superuser: facts.bootstrapSuperuser,
    databases: target.databases.map((database, index) => ({
      folder: folderOf(index),
      name: database.name,
      owner: database.owner,
      encoding: database.encoding,
      collate: database.collate,
      ctype: database.ctype,
      bytes: database.bytes ?? 0,
      connectionLimit: database.connectionLimit,
      isTemplate: database.isTemplate,
    })),
    tablespaces: facts.tablespaces
      .filter(({ location }) => location !== '')
      .map(({ name, owner, location }) => ({ name, owner, location })),
    settings: facts.settings,
  };
}
