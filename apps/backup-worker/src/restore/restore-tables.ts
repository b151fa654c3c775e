import { connect, copyIn, type TargetClient } from '@hozen/dbms';
import { HozenError } from '@hozen/contracts';
import { inSpan } from '@hozen/telemetry';
import type { TableContent } from '../artefact/artefact-index.js';
import { qualified } from '../methods/postgres-logical/database-snapshot.js';
import { textSettings } from '../methods/postgres-logical/tables.sql.js';
import { SESSION_OPTIONS, type ClusterRestore } from './cluster-restore.js';
import type { StoredDatabase } from './restore-plan.js';
import { tableRows } from './table-rows.js';

/** Loads tables from `waiting` by COPY over one connection, the next each time, until none is left. */
export async function restoreTables(
  restore: ClusterRestore,
  database: StoredDatabase,
  waiting: TableContent[],
): Promise<void> {
  if (waiting.length === 0) return;
  await using client = await connect(restore.address, {
    applicationName: restore.applicationName,
    database: database.name,
  });
  for (const option of SESSION_OPTIONS) await client.query(`SET ${option}`);
  await client.query(textSettings(await encodingOf(client)));
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    restore.signal?.throwIfAborted();
    await restoreTable(restore, database, client, next);
  }
}

/**
 * Emptied in the transaction that fills it, a table needs no room to be searched in: its rows come to stand in the order
 * of the backup, frozen, and where WAL is minimal they are not logged.
 */
async function restoreTable(
  restore: ClusterRestore,
  database: StoredDatabase,
  client: TargetClient,
  table: TableContent,
): Promise<void> {
  const name = qualified(client, table);
  const attributes = { 'db.namespace': database.name, 'hozen.stream': table.stream ?? '' };
  await inSpan('load table', { attributes }, async () => {
    await client.query(`BEGIN; TRUNCATE ONLY ${name}`);
    const sql = `COPY ${name} (${table.columns}) FROM STDIN WITH (FREEZE)`;
    const loaded = await copyIn(client, sql, counted(restore, tableRows(restore.file, table), database.name));
    if (loaded.rows !== table.rows) throw lost(table, loaded.rows);
    await client.query('COMMIT');
  });
}

async function encodingOf(client: TargetClient): Promise<string> {
  const { rows } = await client.query<{ encoding: string }>(`SELECT current_setting('server_encoding') AS encoding`);
  return rows[0]?.encoding ?? 'UTF8';
}

async function* counted(restore: ClusterRestore, source: AsyncIterable<Buffer>, item: string): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    restore.signal?.throwIfAborted();
    restore.onBytes(chunk.length, item);
    yield chunk;
  }
}

function lost(table: TableContent, rows: number): HozenError {
  const what = `table ${table.schema}.${table.name} took ${rows} rows instead of ${table.rows}`;
  return new HozenError('CONTENT_DIFFERS', { what });
}
