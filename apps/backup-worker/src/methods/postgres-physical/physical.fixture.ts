import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { connect, copyOut, giveToServer, PrivatePostgres, type PostgresAddress } from '@hozen/dbms';
import { expect } from 'vitest';
import { quietContext } from '../../backup.fixture.js';
import type { MadeBackup } from '../../backup-series.fixture.js';
import { checkArtefact } from '../../verification/check-artefact.js';
import { proveByStart } from '../../verification/prove-by-start.js';

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

/** Restores a chain with the script in its last backup. @param folder that is there @returns the data directory */
export function byHand(folder: string, paths: readonly string[]): string {
  const work = join(folder, 'by-hand');
  mkdirSync(work, { mode: 0o711 });
  execFileSync('sh', ['-c', `tar -xOf '${paths.at(-1)}' --occurrence=1 restore.sh > restore.sh`], { cwd: work });
  const directory = join(work, 'data');
  const env = { ...process.env, TABLESPACES: join(work, 'spaces') };
  execFileSync('sh', ['restore.sh', directory, ...paths], { cwd: work, env, stdio: 'pipe' });
  return directory;
}

/** What a server finds in what {@link byHand} restores. */
export async function restoredByHand(folder: string, paths: readonly string[]): Promise<Record<string, string>> {
  const directory = byHand(folder, paths);
  await giveToServer(dirname(directory));
  await using restored = await PrivatePostgres.start({ dataDir: directory });
  return await contentOf(restored.address());
}

/** Checks it, restores it, and compares with what the server has. */
export async function expectProven({ job, artefact }: MadeBackup): Promise<void> {
  await checkArtefact(job, artefact, quietContext());
  expect(await proveByStart(job, artefact, quietContext())).toMatchObject({ level: 'restore' });
}
