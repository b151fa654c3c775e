import { connect, findTools, toolEnvironment, toolOutput, type PostgresAddress } from '@hozen/dbms';
import { asReadBack } from './as-read-back.js';

/** Rows of every table, hashed by the server itself: nothing of ours is in between. */
const TABLES = `
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND c.relispopulated AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 1`;

/** By database: table to the number of its rows and a hash of them, whatever their order. */
export async function contentOfCluster(server: PostgresAddress): Promise<Record<string, Record<string, string>>> {
  await using client = await connect(server, { applicationName: 'test' });
  const { rows } = await client.query<{ datname: string }>(
    'SELECT datname FROM pg_database WHERE datallowconn ORDER BY 1',
  );
  const content: Record<string, Record<string, string>> = {};
  for (const { datname } of rows) content[datname] = await contentOfDatabase(server, datname);
  return content;
}

async function contentOfDatabase(server: PostgresAddress, database: string): Promise<Record<string, string>> {
  await using client = await connect(server, { applicationName: 'test', database });
  const content: Record<string, string> = {};
  const { rows } = await client.query<{ name: string }>(TABLES);
  for (const { name } of rows) {
    // As JSON by column name: a restored child table may have its columns in another order.
    const hash = await client.query<{ hash: string }>(
      `SELECT count(*) || ' ' || coalesce(sum(hashtextextended(to_jsonb(t)::text, 0)), 0) AS hash FROM ONLY ${name} t`,
    );
    content[name] = hash.rows[0]?.hash ?? '';
  }
  const large = await client.query<{ hash: string }>(
    `SELECT count(*) || ' ' || coalesce(sum(hashtextextended(oid || encode(lo_get(oid), 'hex'), 0)), 0) AS hash
     FROM pg_largeobject_metadata`,
  );
  content['large objects'] = large.rows[0]?.hash ?? '';
  return content;
}

/**
 * What pg_dumpall says of all definitions, as lines without what has to differ between two servers. It refuses names
 * with line breaks; that database is asked for by pg_dump, where there is one.
 */
export async function dumpAll(server: PostgresAddress, { lineBreaks = true } = {}): Promise<string[]> {
  const tools = await findTools(150_000);
  await using env = await toolEnvironment(server);
  const args = ['--schema-only', '--exclude-database=new*'];
  const most = await toolOutput({ path: tools.path('pg_dumpall'), args, env });
  const path = tools.path('pg_dump');
  const one = lineBreaks
    ? await toolOutput({ path, args: ['--schema-only'], env: env.forDatabase('new\nline\n') })
    : '';
  return (
    `${most.toString('latin1')}${one.toString('latin1')}`
      .split('\n')
      .filter((line) => !/^\\(un)?restrict /.test(line))
      .map(asReadBack)
      .map((line) => line.replace(/LOCATION '.*'/, "LOCATION ''"))
      // Columns of inherited tables come in another order.
      .map((line) => line.replace(/,$/, ''))
      .toSorted()
  );
}
