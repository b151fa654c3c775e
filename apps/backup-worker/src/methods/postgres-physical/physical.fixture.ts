import { createHash } from 'node:crypto';
import { connect, copyOut, type PostgresAddress } from '@hozen/dbms';
import { backUp, jobFor, quietContext } from '../../backup.fixture.js';
import type { AttemptContext, BackupJob, EarlierBackup } from '../../job.js';
import type { CommittedArtefact } from '../../storage/committed-artefact.js';

const TABLES = `
SELECT format('%I.%I', n.nspname, c.relname) AS name
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`;

/** SHA-256 of every table's rows, in their order in the file. */
export async function contentOf(address: PostgresAddress, database = 'postgres'): Promise<Record<string, string>> {
  await using client = await connect(address, { applicationName: 'hozen test', database });
  const { rows } = await client.query<{ name: string }>(TABLES);
  const found: Record<string, string> = {};
  for (const { name } of rows) {
    const hash = createHash('sha256');
    await copyOut(client, `COPY (SELECT * FROM ${name}) TO STDOUT`, (bytes) => {
      hash.update(bytes);
      return undefined;
    });
    found[name] = hash.digest('hex');
  }
  return found;
}

export interface PhysicalBackup {
  job: BackupJob;
  artefact: CommittedArtefact;
}

/** Backups of one config, each of which can build on those before. */
export class PhysicalBackups {
  readonly #made: (PhysicalBackup & { parent: string | undefined })[] = [];
  #clock = Date.parse('2026-01-02T03:04:05Z');

  constructor(
    private readonly address: PostgresAddress,
    private readonly folder: string,
    private readonly change: (job: BackupJob) => void = () => undefined,
  ) {}

  async make(level: BackupJob['level'], watch: Partial<AttemptContext> = {}): Promise<PhysicalBackup> {
    const startedAt = new Date((this.#clock += 60_000));
    const job = jobFor(this.address, this.folder, { level, startedAt });
    Object.assign(job.config, { method: 'postgres-physical', compression: 'zstd' });
    this.change(job);
    let parent: string | undefined;
    const context = quietContext({
      ...watch,
      lineage: {
        newest: (levels) => Promise.resolve(this.#newest(levels)),
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

  #newest(levels: readonly string[]): EarlierBackup | undefined {
    const found = this.#made.findLast(({ artefact }) => levels.includes(artefact.manifest.level));
    if (!found) return undefined;
    let chain = 1;
    for (let up = found.parent; up !== undefined; chain++) up = this.#made.find(({ job }) => job.runId === up)?.parent;
    return { runId: found.job.runId, path: found.artefact.path, chain };
  }
}
