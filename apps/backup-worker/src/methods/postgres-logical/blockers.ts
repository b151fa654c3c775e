import { HozenError } from '@hozen/contracts';
import { connect, type PostgresAddress } from '@hozen/dbms';

interface Blocker {
  pid: number | null;
  table: string;
  granted: boolean;
  user: string | null;
  application: string | null;
  client: string | null;
  since: string | null;
  state: string | null;
  /** Its first words: no more, for the rest may hold anything. */
  statement: string | null;
  prepared: string | null;
  /** Processes that keep it waiting. */
  behind: number[];
}

/** ACCESS EXCLUSIVE is all that keeps a reader out; who waits for it keeps out those who come after. */
const BLOCKERS = String.raw`
SELECT DISTINCT ON (l.granted, l.pid, x.gid)
  l.pid AS "pid", format('%I.%I', n.nspname, c.relname) AS "table", l.granted AS "granted",
  coalesce(a.usename, x.owner)::text AS "user", a.application_name AS "application", host(a.client_addr) AS "client",
  to_char(coalesce(a.xact_start, x.prepared) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS "since",
  CASE WHEN l.granted OR l.pid IS NULL THEN '{}' ELSE pg_blocking_pids(l.pid) END AS "behind",
  a.state AS "state", x.gid AS "prepared",
  substring(upper(regexp_replace(a.query, '^(\s|--[^\n]*\n|/\*([^*]|\*+[^*/])*\*+/)+', ''))
    FROM '^(?:(?:ALTER|CREATE|DROP|LOCK|REFRESH)\s+[A-Z]+|[A-Z]+)') AS "statement"
FROM pg_locks l
JOIN pg_class c ON c.oid = l.relation AND c.relkind IN ('r', 'p')
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_activity a ON a.pid = l.pid
-- A prepared transaction has no process; its own number is locked under the same virtual one.
LEFT JOIN pg_locks own ON l.pid IS NULL AND own.pid IS NULL AND own.locktype = 'transactionid'
  AND own.virtualtransaction = l.virtualtransaction
LEFT JOIN pg_prepared_xacts x ON x.transaction = own.transactionid
WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND l.pid IS DISTINCT FROM pg_backend_pid()
ORDER BY l.granted DESC, l.pid, x.gid
LIMIT 5`;

/**
 * Who keeps tables of a database locked, told with an error that a lock was waited for too long; any other error as it is.
 * Nobody may be found any more.
 */
export async function namingBlockers(
  error: unknown,
  address: PostgresAddress,
  database: string,
  applicationName: string,
): Promise<unknown> {
  if (!(error instanceof HozenError) || error.code !== 'TARGET_LOCKED') return error;
  try {
    await using client = await connect(address, { applicationName, database });
    const { rows } = await client.query<Blocker>(BLOCKERS);
    if (rows.length === 0) return error;
    const detail = `${error.detail ?? ''} (database ${database}: ${rows.map(described).join('; ')})`.trim();
    return new HozenError(error.code, error.params, { detail, cause: error });
  } catch {
    // That it is locked is the news; the server may be busy with what locks it.
    return error;
  }
}

function described({ pid, table, granted, ...blocker }: Blocker): string {
  const { user, application, client, since, state, statement, prepared, behind } = blocker;
  const who = prepared === null ? `process ${pid}` : `the prepared transaction ${JSON.stringify(prepared)}`;
  const about = [
    ...(user === null ? [] : [`user ${user}`]),
    ...(application ? [`application ${application}`] : []),
    ...(client === null ? [] : [`from ${client}`]),
    ...(since === null ? [] : [`since ${since}`]),
    ...(state === null ? [] : [state]),
    ...(statement === null ? [] : [statement]),
    ...(behind.length === 0 ? [] : [`behind process ${behind.join(', ')}`]),
  ];
  return `${who} ${granted ? 'has' : 'waits to have'} ${table} for itself (${about.join(', ')})`;
}
