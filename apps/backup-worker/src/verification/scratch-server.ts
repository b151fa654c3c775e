import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HozenError } from '@hozen/contracts';
import { PrivatePostgres } from '@hozen/dbms';
import type { BackupJob } from '../job.js';
import { postgresOf, type Manifest } from '../artefact/manifest.js';
import type { StoredCluster } from '../restore/restore-plan.js';

/**
 * A server for one restore test: no network, nothing kept safe, the same major version and the same first superuser as
 * the original. It removes itself when disposed.
 * @param tables of the database that has most
 * @throws HozenError SANDBOX_FAILED
 */
export async function startScratchServer(
  job: BackupJob,
  manifest: Manifest,
  cluster: StoredCluster,
  tables: number,
): Promise<PrivatePostgres> {
  try {
    return await PrivatePostgres.start({
      dataDir: join(await scratchFolder(job), 'data'),
      major: postgresOf(manifest).major,
      superuser: cluster.superuser,
      scratch: true,
      sandbox: {},
      settings: settingsLike(cluster.settings, tables),
    });
  } catch (cause) {
    if (cause instanceof HozenError && cause.code === 'SANDBOX_MISSING') throw cause;
    const detail = cause instanceof HozenError ? cause.message : String(cause);
    throw new HozenError('SANDBOX_FAILED', {}, { cause, detail });
  }
}

/** Where scratch servers go when the server's user cannot reach the spool: `{prefix}{run}-{epoch}`. */
export const ELSEWHERE = { folder: '/var/tmp', prefix: 'hozen-scratch-' } as const;

/** The folder there of this attempt: a worker that wakes up late must not remove the data of its successor's server. */
export function scratchFolderElsewhere(job: BackupJob): string {
  return join(ELSEWHERE.folder, `${ELSEWHERE.prefix}${job.runId}-${job.epoch}`);
}

/** In the spool; but the server of a worker that is root runs as another user, who must get there. */
export async function scratchFolder(job: BackupJob): Promise<string> {
  const spool = join(job.spoolDir, 'scratch');
  if (process.getuid?.() !== 0) return spool;
  for (let folder = job.spoolDir; ; folder = dirname(folder)) {
    const { mode } = await stat(folder);
    if ((mode & 0o001) === 0) return scratchFolderElsewhere(job);
    if (folder === dirname(folder)) return spool;
  }
}

/** Folders outside of the spool that attempts of this run may have left, up to this epoch. */
export async function strayScratchFolders(job: BackupJob): Promise<string[]> {
  const prefix = `${ELSEWHERE.prefix}${job.runId}-`;
  const names = (await readdir(ELSEWHERE.folder)).filter((name) => name.startsWith(prefix));
  const ours = names.filter((name) => Number(name.slice(prefix.length)) <= job.epoch);
  return ours.map((name) => join(ELSEWHERE.folder, name));
}

/** Of a server that is told nothing else. */
const CONNECTIONS = 100;

function settingsLike(settings: Record<string, string>, tables: number): Record<string, string | number | boolean> {
  const monetary = settings['lc_monetary'] ?? 'C';
  return {
    autovacuum: false,
    maintenance_work_mem: '128MB',
    // pg_dump locks all tables at once, partitioned ones too, and this server has few of the connections that the original has.
    max_locks_per_transaction: Math.max(
      64,
      Number(settings['max_locks_per_transaction'] ?? 64),
      Math.ceil((2 * tables) / CONNECTIONS),
    ),
    // A restored subscription must never reach for the real publisher.
    max_logical_replication_workers: 0,
    // The text of money depends on it; PostgreSQL keeps none of it in the dump.
    ...(monetary === 'C' || monetary === 'POSIX' ? {} : { lc_monetary: monetary }),
    ...(settings['TimeZone'] ? { TimeZone: settings['TimeZone'] } : {}),
  };
}
