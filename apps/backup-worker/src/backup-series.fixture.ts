import type { BackupMethod } from '@hozen/contracts';
import type { PostgresAddress } from '@hozen/dbms';
import { backUp, jobFor, quietContext } from './backup.fixture.js';
import type { AttemptContext, BackupJob, EarlierBackup } from './job.js';
import type { CommittedArtefact } from './storage/committed-artefact.js';

export interface MadeBackup {
  job: BackupJob;
  artefact: CommittedArtefact;
}

/** For what is no server. */
export type MakeJob = (folder: string, change: Partial<BackupJob>) => BackupJob;

/** Backups of one config, each of which can build on those before. */
export class BackupSeries {
  readonly #made: (MadeBackup & { parent: string | undefined })[] = [];
  #clock = Date.parse('2026-01-02T03:04:05Z');

  constructor(
    private readonly of: PostgresAddress | MakeJob,
    private readonly folder: string,
    private readonly change: (job: BackupJob) => void = () => undefined,
    private readonly method: BackupMethod = 'postgres-physical',
  ) {}

  async make(level: BackupJob['level'], watch: Partial<AttemptContext> = {}): Promise<MadeBackup> {
    const startedAt = new Date((this.#clock += 60_000));
    const job = this.#job({ level, startedAt });
    this.change(job);
    let parent: string | undefined;
    const context = quietContext({
      ...watch,
      lineage: {
        newest: (levels) => Promise.resolve(this.#newest(levels)),
        copyWithoutLog: () => Promise.resolve(undefined),
        ...watch.lineage,
        choose: (_level, chosen) => {
          parent = chosen?.runId;
          return Promise.resolve();
        },
      },
    });
    const artefact = await backUp(job, context);
    this.#made.push({ job, artefact, parent });
    return { job, artefact };
  }

  #job(change: Partial<BackupJob>): BackupJob {
    if (typeof this.of === 'function') return this.of(this.folder, change);
    const job = jobFor(this.of, this.folder, change);
    Object.assign(job.config, { method: this.method, compression: 'zstd' });
    return job;
  }

  #newest(levels: readonly string[]): EarlierBackup | undefined {
    const found = this.#made.findLast(({ artefact }) => levels.includes(artefact.manifest.level));
    if (!found) return undefined;
    let chain = 1;
    for (let up = found.parent; up !== undefined; chain++) up = this.#made.find(({ job }) => job.runId === up)?.parent;
    return { runId: found.job.runId, path: found.artefact.path, chain };
  }
}
