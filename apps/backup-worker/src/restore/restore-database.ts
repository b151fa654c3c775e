import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { connect, databaseArgument, runTool } from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import { isSqlStream, type StreamFacts } from '../artefact/artefact-index.js';
import { dataEntries } from '../parts/data-entries.js';
import { entriesIn, writeList } from '../pipeline/entry-lists.js';
import { partOfArchive } from '../pipeline/part-of-archive.js';
import { inLargePieces } from '../pipeline/large-pieces.js';
import { sideBySide } from '../pipeline/side-by-side.js';
import type { ClusterRestore } from './cluster-restore.js';
import type { StoredDatabase } from './restore-plan.js';
import { restoreTables } from './restore-tables.js';

/**
 * Definitions, then all data side by side, then what is built on the data: indexes, constraints, triggers.
 * @param options `create: false` where the database is there already, empty, under `database.name`
 */
export async function restoreDatabase(
  restore: ClusterRestore,
  database: StoredDatabase,
  options = { create: true },
): Promise<void> {
  await inSpan('restore database', { attributes: { 'db.namespace': database.name } }, async () => {
    const schema = join(restore.spoolDir, `${database.folder.replaceAll('/', '-')}-schema.dump`);
    try {
      await pipeline(definitionsOf(restore, database), createWriteStream(schema, { mode: 0o600 }));
      if (options.create && database.name === 'template1') await makeReplaceable(restore);
      const where = options.create ? ['--create', ...maintenance(database.name)] : [into(database)];
      await pgRestore(restore, database, ['--section=pre-data', ...where, schema], { reads: [schema] });
      await loadAll(restore, database);
      await buildOnData(restore, database, schema);
    } finally {
      await rm(schema, { force: true });
    }
  });
}

/**
 * Indexes, constraints, triggers, the contents of materialized views; and event triggers once all else is there. Among
 * the others, pg_restore has them before it fills materialized views: that would fire them, and what they write into a
 * log or forbid is no part of the backup.
 */
async function buildOnData(restore: ClusterRestore, database: StoredDatabase, schema: string): Promise<void> {
  const { first, last } = await entriesIn(schema);
  await restore.slots.useUpTo(restore.jobs, async (jobs) => {
    const args = ['--section=post-data', `--jobs=${jobs}`, into(database)];
    if (last.length === 0) return pgRestore(restore, database, [...args, schema], { reads: [schema] });
    for (const wanted of [first, last]) {
      const list = `${schema}.list`;
      try {
        await writeList(list, wanted);
        await pgRestore(restore, database, [...args, `--use-list=${list}`, schema], { reads: [list, schema] });
      } finally {
        await rm(list, { force: true });
      }
    }
  });
}

/** Streams of pg_dump and sessions that load large tables, side by side, as many as there are jobs. */
async function loadAll(restore: ClusterRestore, database: StoredDatabase): Promise<void> {
  const waiting = [...database.tables];
  const works = [
    ...Array.from({ length: restore.jobs }, () => (inside: ClusterRestore) => restoreTables(inside, database, waiting)),
    ...database.data.map((stream) => (inside: ClusterRestore) => loadStream(inside, database, stream)),
  ];
  await sideBySide(works, works.length, restore.signal, (work, signal) =>
    restore.slots.use(async () => {
      signal.throwIfAborted();
      await work({ ...restore, signal });
    }),
  );
}

function definitionsOf({ file }: ClusterRestore, { schema, part }: StoredDatabase): AsyncIterable<Buffer> {
  const all = file.read(schema);
  return part ? partOfArchive(all, new Set(part.kept.map(({ dumpId }) => dumpId))) : all;
}

async function loadStream(restore: ClusterRestore, database: StoredDatabase, stream: StreamFacts): Promise<void> {
  if (isSqlStream(stream.name)) return loadSql(restore, database, stream);
  const args = ['--section=data', into(database)];
  if (!database.part) return pgRestore(restore, database, args, { stream });
  const wanted = await dataEntries(restore.file, stream, database.part.content);
  if (wanted.length === 0) return;
  const list = join(restore.spoolDir, `${stream.name.replaceAll('/', '-')}.list`);
  try {
    await writeList(
      list,
      wanted.map(({ dumpId }) => dumpId),
    );
    await pgRestore(restore, database, [...args, `--use-list=${list}`], { stream, reads: [list] });
  } finally {
    await rm(list, { force: true });
  }
}

/**
 * What has no stream of its own in a file of SQL. It goes through psql, in the sandbox; a plan lets it in only where somebody answers
 * for the backup.
 */
async function loadSql(restore: ClusterRestore, database: StoredDatabase, stream: StreamFacts): Promise<void> {
  const { file, tools, env, signal } = restore;
  await runTool({
    path: tools.path('psql'),
    args: ['-X', '-q', '--no-password', '-v', 'ON_ERROR_STOP=1', '-f', '-', '-d', databaseArgument(database.name)],
    env: inLargePieces(env),
    stdout: 'ignore',
    sandbox: {},
    stdin: counted(restore, file.readInTurn(stream), database.name),
    ...(signal ? { signal } : {}),
    attributes: { 'db.namespace': database.name, 'hozen.stream': stream.name },
  }).done;
}

async function pgRestore(
  restore: ClusterRestore,
  database: StoredDatabase,
  args: string[],
  { stream, reads = [] }: { stream?: StreamFacts; reads?: readonly string[] },
): Promise<void> {
  const { file, tools, env, signal } = restore;
  const stdin = stream ? { stdin: counted(restore, file.readInTurn(stream), database.name) } : {};
  await runTool({
    path: tools.path('pg_restore'),
    args: ['--exit-on-error', '--no-password', ...args],
    env: inLargePieces(env),
    stdout: 'ignore',
    sandbox: { reads },
    ...stdin,
    ...(signal ? { signal } : {}),
    attributes: { 'db.namespace': database.name, 'hozen.stream': stream?.name ?? database.schema.name },
  }).done;
}

async function* counted(restore: ClusterRestore, source: AsyncIterable<Buffer>, item: string): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    restore.onBytes(chunk.length, item);
    yield chunk;
  }
}

/** It may be no template in the original: then what pg_dump writes tries to drop it while it still is one here. */
async function makeReplaceable({ address, applicationName }: ClusterRestore): Promise<void> {
  await using client = await connect({ ...address, database: 'postgres' }, { applicationName });
  await client.query('SET default_transaction_read_only = off');
  await client.query('ALTER DATABASE template1 IS_TEMPLATE false');
}

/** The initial ones are made anew, from the other one. */
function maintenance(name: string): string[] {
  if (name === 'postgres') return [`--dbname=${databaseArgument('template1')}`, '--clean', '--if-exists'];
  const recreate = name === 'template1' ? ['--clean', '--if-exists'] : [];
  return [`--dbname=${databaseArgument('postgres')}`, ...recreate];
}

function into({ name }: StoredDatabase): string {
  return `--dbname=${databaseArgument(name)}`;
}
