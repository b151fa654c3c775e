import { chown, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { findTools, PrivatePostgres, toolEnvironment, toolOutput } from '@hozen/dbms';
import type { TestPostgres } from '@hozen/testkit';

/** A hot standby of `primary` in `dataDir`, in the hands of the primary's user. */
export async function standbyOf(primary: TestPostgres, dataDir: string): Promise<PrivatePostgres> {
  const tools = await findTools(150_000);
  await using env = await toolEnvironment(primary.address());
  await toolOutput({ path: tools.path('pg_basebackup'), args: ['-D', dataDir, '-R', '-c', 'fast'], env });
  const { uid, gid } = await stat(primary.dataDir);
  for (const name of ['', ...(await readdir(dataDir, { recursive: true }))]) await chown(join(dataDir, name), uid, gid);
  const conninfo = `host=127.0.0.1 port=${primary.port} user=postgres password=${primary.password}`;
  return PrivatePostgres.start({ dataDir, keep: false, settings: { primary_conninfo: conninfo } });
}
