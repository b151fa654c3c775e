import { createHash } from 'node:crypto';
import { connect, copyOut, type PostgresAddress } from '@hozen/dbms';

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
