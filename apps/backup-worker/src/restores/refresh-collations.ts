import type { TargetClient } from '@hozen/dbms';
import { runStatement } from './run-statement.js';

/**
 * Versions of collations come from the template, as they were when that was made; what is sorted by them was built a moment ago, with
 * the libraries of today. So nothing has to be built again, and the old versions would only warn of what is not so.
 */
const OUTDATED = `
  SELECT format('ALTER COLLATION %I.%I REFRESH VERSION', n.nspname, c.collname) AS sql
    FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
   WHERE c.collversion <> pg_collation_actual_version(c.oid)`;

/** From version 15 on a database has one of its own. */
const OUTDATED_DATABASE = `
  SELECT format('ALTER DATABASE %I REFRESH COLLATION VERSION', datname) AS sql
    FROM pg_database
   WHERE datname = current_database() AND datcollversion <> pg_database_collation_actual_version(oid)`;

/** Has the versions of collations right in a database that was just restored. @throws HozenError of the TARGET_ codes */
export async function refreshCollations(client: TargetClient, versionNum: number): Promise<number> {
  const queries = [OUTDATED, ...(versionNum >= 150_000 ? [OUTDATED_DATABASE] : [])];
  let refreshed = 0;
  for (const query of queries) {
    const { rows } = await client.query<{ sql: string }>(query);
    if (rows.length > 0) await runStatement(client, rows.map(({ sql }) => sql).join('; '));
    refreshed += rows.length;
  }
  return refreshed;
}
