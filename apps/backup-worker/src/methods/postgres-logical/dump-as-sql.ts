import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { once } from 'node:events';
import type { DatabaseFacts } from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import type { DatabaseContent, TableContent } from '../../artefact/artefact-index.js';
import { asComments, EMBEDDED } from '../../artefact/embedded.js';
import { noLargeObjects, together, type StreamContents } from '../../pipeline/custom-format.js';
import { entriesIn, writeList } from '../../pipeline/entry-lists.js';
import { pour, pourArchive, pourIntoFile, startTool } from '../../pipeline/pour.js';
import { sqlReadme } from '../../artefact/sql-readme.js';
import type { ClusterJson } from './cluster-json.js';
import { copyTableAsSql } from './copy-table.js';
import { DatabaseSnapshot } from './database-snapshot.js';
import { namingLocks, planOf, type ClusterDump } from './dump-database.js';
import { dumpGlobals } from './dump-globals.js';
import type { DatabasePlan, PlannedDump } from './plan-database.js';
import { openReadingSession } from './reading-session.js';
import { startDump } from './start-dump.js';

/** Every new server has these: they are made anew, from the other one of the two. */
const INITIAL: Readonly<Record<string, string>> = { postgres: 'template1', template1: 'postgres' };

/**
 * Writes a cluster as one text, as pg_dumpall does: roles, tablespaces, and one database after the other. What it says is what
 * pg_restore makes of the same dumps that an archive holds; large tables come by COPY over a connection of ours here, too.
 */
export async function dumpAsSql(dump: ClusterDump, facts: ClusterJson): Promise<DatabaseContent[]> {
  const { writer } = dump;
  await writer.addFile('README.sql', sqlReadme(facts));
  await embed(dump, 'cluster.json', Buffer.from(JSON.stringify(facts)));
  await dumpGlobals(dump);
  for (const { name, bytes } of dump.target.databases) dump.progress.database(name, bytes ?? 0);
  const contents: DatabaseContent[] = [];
  for (const [index, database] of dump.target.databases.entries()) {
    dump.signal.throwIfAborted();
    contents.push(await dumpDatabase(dump, database, facts.databases[index]?.folder ?? ''));
  }
  return contents;
}

interface DatabaseText extends ClusterDump {
  database: DatabaseFacts;
  folder: string;
  snapshot: DatabaseSnapshot;
  plan: DatabasePlan;
  /** Its definitions, as pg_dump wrote them. */
  schema: string;
}

async function dumpDatabase(dump: ClusterDump, database: DatabaseFacts, folder: string): Promise<DatabaseContent> {
  const { job, target } = dump;
  return inSpan('dump database', { attributes: { 'db.namespace': database.name } }, async () => {
    const schema = join(job.spoolDir, `${folder.replaceAll('/', '-')}-schema.dump`);
    try {
      await using snapshot = await DatabaseSnapshot.open(job, target, database.name, dump);
      const plan = await planOf(dump, database, folder, snapshot);
      const streams = [plan.definitions, ...(plan.rest ? [plan.rest] : []), ...plan.tables];
      dump.progress.opened(
        database.name,
        streams.map((each) => ({ name: 'stream' in each ? each.stream : each.name, bytes: each.bytes })),
      );
      const text = { ...dump, database, folder, snapshot, plan, schema };
      const contents = await writeDatabase(text);
      await snapshot.release();
      return { folder, name: database.name, ...contents };
    } catch (error) {
      throw await namingLocks(error, dump, database);
    } finally {
      await rm(schema, { force: true });
    }
  });
}

async function writeDatabase(text: DatabaseText): Promise<StreamContents> {
  const { writer, folder, database, schema, plan } = text;
  const tool = await startDump(text, {
    database: database.name,
    snapshotId: text.snapshot.id,
    planned: plan.definitions,
  });
  await pourIntoFile(schema, (file) => pourArchive(tool, file, readOf(text, plan.definitions)));
  const from = INITIAL[database.name];
  const again = from === undefined ? [] : ['--clean', '--if-exists'];
  // Else it could not be dropped where the original's is no template.
  const replaceable = database.name === 'template1' ? 'ALTER DATABASE template1 IS_TEMPLATE false;\n' : '';
  await writer.addFile(`${folder}/connect.sql`, `\\connect ${from ?? 'postgres'}\n${replaceable}`);
  await writeText(text, 'pre-data.sql', ['--create', '--section=pre-data', ...again, schema], [schema]);
  const contents = together([...(plan.rest ? [await writeRest(text, plan.rest)] : []), await writeTables(text)]);
  // Event triggers come last: filling a materialized view would fire them.
  const entries = await entriesIn(schema);
  for (const each of ['first', 'last'] as const) {
    if (entries[each].length === 0) continue;
    const list = `${schema}.list`;
    try {
      await writeList(list, entries[each]);
      await writeText(
        text,
        `post-data-${each}.sql`,
        ['--section=post-data', `--use-list=${list}`, schema],
        [list, schema],
      );
    } finally {
      await rm(list, { force: true });
    }
  }
  await embed(text, `${folder}/name`, Buffer.from(database.name));
  await embed(text, `${folder}/schema.dump`, createReadStream(schema));
  return contents;
}

/** What pg_restore makes of an archive in the spool. */
async function writeText(
  { writer, target, signal, folder }: DatabaseText,
  name: string,
  args: string[],
  reads: readonly string[],
): Promise<void> {
  const stream = writer.openStream(`${folder}/${name}`);
  const path = target.tools.path('pg_restore');
  await pour(await startTool({ path, args: ['--file=-', ...args], sandbox: { reads }, signal }), stream);
  await writer.endStream(stream);
}

/** Small tables, sequences, large objects: pg_dump's archive is read for what is in it on its way to pg_restore. */
async function writeRest(text: DatabaseText, rest: PlannedDump): Promise<StreamContents> {
  const { writer, target, signal, database, snapshot } = text;
  const stream = writer.openStream(rest.name.replace(/\.dump$/, '.sql'));
  const archive = new PassThrough();
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const restored = startTool({
    path: target.tools.path('pg_restore'),
    args: ['--file=-', '--section=data'],
    stdin: archive,
    sandbox: {},
    signal: either,
  }).then((tool) => pour(tool, stream));
  const dumping = startDump(
    { ...text, signal: either },
    { database: database.name, snapshotId: snapshot.id, planned: rest },
  );
  // The memory of a chunk is used again.
  const write = (chunk: Buffer) =>
    archive.write(Buffer.from(chunk)) ? undefined : once(archive, 'drain', { signal: either }).then(() => undefined);
  const dumped = dumping
    .then((tool) => pourArchive(tool, { write }, readOf(text, rest)))
    .then((contents) => (archive.end(), contents));
  for (const part of [restored, dumped]) part.catch((error: unknown) => failed.abort(error));
  await Promise.allSettled([restored, dumped]);
  failed.signal.throwIfAborted();
  await writer.endStream(stream);
  return dumped;
}

async function writeTables(text: DatabaseText): Promise<StreamContents> {
  const { job, target, database, snapshot, plan, signal, writer, progress } = text;
  const tables: TableContent[] = [];
  if (plan.tables.length > 0) {
    await using client = await openReadingSession(job, target, database, snapshot.id, plan.tables, signal);
    for (const table of plan.tables) {
      signal.throwIfAborted();
      const stream = writer.openStream(table.stream.replace(/\.dump$/, '.sql'));
      const onBytes = (bytes: number) => progress.read(table.stream, table.item, bytes);
      tables.push(await copyTableAsSql(client, table, stream, { signal, onBytes }));
      await writer.endStream(stream);
      progress.ended(table.stream);
    }
  }
  return { tables, sequences: [], largeObjects: noLargeObjects() };
}

/** For Hozen, which compares with it: psql takes no notice. */
async function embed({ writer }: ClusterDump, name: string, content: Buffer | AsyncIterable<Buffer>): Promise<void> {
  const stream = writer.openStream(`${name}${EMBEDDED}`);
  for await (const piece of Buffer.isBuffer(content) ? [content] : content) await stream.write(asComments(piece));
  await writer.endStream(stream);
}

function readOf({ progress }: ClusterDump, { name, item }: PlannedDump): (bytes: number) => void {
  return (bytes) => progress.read(name, item, bytes);
}
