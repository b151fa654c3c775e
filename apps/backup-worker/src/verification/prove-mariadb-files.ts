import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { HozenError, type ProofFacts } from '@hozen/contracts';
import {
  connectMariadb,
  findMariadbTool,
  giveToServer,
  mariadbDatabases,
  PrivateMariadb,
  runTool,
  seriesOf,
  type MariadbClient,
} from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import { ArtefactFile, corrupt } from '../artefact/artefact-file.js';
import type { AttemptContext, BackupJob } from '../job.js';
import { FILES_STREAM } from '../methods/mariadb-physical/copy-server.js';
import { chainOf } from '../restore/chain.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { askMariadb, failedAssertions, notTrue } from './assertions.js';
import { named } from './named.js';
import { scratchFolder } from './scratch-server.js';

/** What a worker may lack although the backup is good. */
const NOT_THE_BACKUP = /Permission denied|No space left on device|Cannot allocate memory|Can't start server/i;

const TABLES = `
  SELECT table_schema AS db, table_name AS name FROM information_schema.tables
   WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('information_schema', 'performance_schema', 'sys')
   ORDER BY 1, 2`;

/**
 * Proves a copy of files: unpacks it with all that it builds on, brings it to one moment, starts a scratch server of the same release
 * series on it, and has that check every table, row by row and index by index. Leaves nothing, however it ends.
 * @throws HozenError CONTENT_DIFFERS naming the tables, SANDBOX_FAILED, ARTEFACT_CORRUPT, STORAGE_IO
 */
export async function proveMariadbFiles(
  job: BackupJob,
  artefact: CommittedArtefact,
  context: AttemptContext,
): Promise<ProofFacts> {
  return inSpan('prove by start', { attributes: { 'file.path': artefact.path } }, async () => {
    const started = performance.now();
    const chain = await chainOf(artefact, job.config);
    const scratch = await scratchFolder(job);
    const directory = join(scratch, 'data');
    try {
      for (const [index, part] of chain.entries()) await restorePart(part, index, scratch, context);
      await giveToServer(scratch);
      await using server = await startOn(directory, artefact, context);
      await using client = await connectMariadb(server.address());
      const tables = await checkTables(client, context);
      const failed = await failedAssertions(job.config.assertions ?? [], askMariadb(server.address()));
      const databases = (await mariadbDatabases(client)).length;
      const seconds = (performance.now() - started) / 1000;
      return { level: 'restore', databases, tables, seconds, ...notTrue(failed) };
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  });
}

/** Unpacks one backup, and puts it over those before. */
async function restorePart(
  part: CommittedArtefact,
  index: number,
  scratch: string,
  { signal, progress }: Pick<AttemptContext, 'signal' | 'progress'>,
): Promise<void> {
  const [directory, beside] = [join(scratch, 'data'), join(scratch, 'increment')];
  const into = index === 0 ? directory : beside;
  await rm(into, { recursive: true, force: true });
  await mkdir(into, { recursive: true, mode: 0o700 });
  await using file = await ArtefactFile.open(part);
  let bytes = 0;
  const read = async function* () {
    for await (const chunk of file.read(file.stream(FILES_STREAM))) {
      progress({ phase: 'restoring', bytes: (bytes += chunk.length), expectedBytes: part.originalBytes });
      yield chunk;
    }
  };
  const [unpack, backup] = [await findMariadbTool('unpack'), await findMariadbTool('backup')];
  await orDiffers(
    'it cannot be unpacked',
    signal,
    () =>
      runTool({ path: unpack.path, args: ['-x', '-C', into], stdin: Readable.from(read()), stdout: 'ignore', signal })
        .done,
  );
  const over = index === 0 ? [] : [`--incremental-dir=${beside}`];
  const args = ['--no-defaults', '--prepare', `--target-dir=${directory}`, ...over];
  await orDiffers(
    'it cannot be prepared',
    signal,
    () => runTool({ path: backup.path, args, stdout: 'ignore', signal }).done,
  );
}

/** The program is one of ours on files of ours: what it refuses, the backup is to blame for. */
async function orDiffers<T>(what: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof HozenError) || error.code !== 'TOOL_FAILED') throw error;
    throw new HozenError('CONTENT_DIFFERS', { what }, { detail: error.detail ?? error.message, cause: error });
  }
}

async function startOn(
  dataDir: string,
  { manifest, path }: CommittedArtefact,
  { signal }: Pick<AttemptContext, 'signal'>,
): Promise<PrivateMariadb> {
  const { mariadb } = manifest;
  if (!mariadb) throw corrupt(path, 'it is no copy of a MariaDB server');
  const { version } = await findMariadbTool('server').catch((cause: unknown) => {
    throw new HozenError('SANDBOX_FAILED', {}, { detail: (cause as Error).message, cause });
  });
  if (seriesOf(version) !== seriesOf(mariadb.version)) {
    const detail = `the backup is of MariaDB ${mariadb.version}, and the server here is ${version}`;
    throw new HozenError('SANDBOX_FAILED', {}, { detail });
  }
  const settings = {
    'lower-case-table-names': mariadb.lowerCaseTableNames,
    // Nobody's password is known here, and nobody but us comes to its socket.
    'skip-grant-tables': 1,
    'skip-slave-start': 1,
  };
  try {
    return await PrivateMariadb.start({ dataDir, settings, signal, startTimeoutMs: 24 * 3_600_000 });
  } catch (error) {
    signal.throwIfAborted();
    const detail = error instanceof HozenError ? (error.detail ?? error.message) : String(error);
    if (NOT_THE_BACKUP.test(detail)) throw new HozenError('SANDBOX_FAILED', {}, { detail, cause: error });
    throw new HozenError('CONTENT_DIFFERS', { what: 'a server does not start on it' }, { detail, cause: error });
  }
}

/** @returns how many were checked @throws HozenError CONTENT_DIFFERS */
async function checkTables(
  client: MariadbClient,
  { signal, progress }: Pick<AttemptContext, 'signal' | 'progress'>,
): Promise<number> {
  const tables = await client.query<{ db: string; name: string }>(TABLES);
  const bad: string[] = [];
  for (const { db, name } of tables) {
    signal.throwIfAborted();
    progress({ phase: 'comparing', item: `${db}.${name}` });
    const told = await client.query<{ Msg_type: string; Msg_text: string }>(
      `CHECK TABLE ${client.name(db)}.${client.name(name)} EXTENDED`,
    );
    const wrong = told.find(({ Msg_type: type }) => type.toLowerCase() === 'error');
    if (wrong) bad.push(`${db}.${name}: ${wrong.Msg_text}`);
  }
  if (bad.length > 0) throw new HozenError('CONTENT_DIFFERS', { what: named(bad) });
  return tables.filter(({ db }) => db !== 'mysql').length;
}
