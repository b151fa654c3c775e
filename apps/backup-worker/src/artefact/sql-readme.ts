import type { ClusterJson } from '../methods/postgres-logical/cluster-json.js';

/** What a file of SQL begins with, for whoever finds it. */
export function sqlReadme({ postgres }: Pick<ClusterJson, 'postgres'>): string {
  return `-- A backup of a whole PostgreSQL server by Hozen, as SQL, for psql: roles with their passwords, tablespaces, all databases.
-- PostgreSQL ${postgres.version.replace(/[^ -~]/g, '?')}. Into an empty server of this or a newer major version, as a superuser:
--
--   gunzip -c FILE | PGOPTIONS='-c default_transaction_read_only=off' psql -X -d postgres
--
-- (zstd -dc for a file that ends with .zst; age -d -i KEY before it, where it ends with .age.) That a role exists already is
-- no harm; the password of the backup counts from then on. Then: vacuumdb --all --analyze-in-stages
-- The databases postgres and template1 are made anew. The last line says that the backup ends there: without it, it is cut off.
-- Lines of comments with nothing but letters and digits are for Hozen.

`;
}
