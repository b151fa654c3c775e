import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { HozenError, type ProofFacts } from '@hozen/contracts';
import { connectMariadb, PrivateMariadb, mariadbDatabases } from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import { ArtefactFile } from '../artefact/artefact-file.js';
import type { AttemptContext, BackupJob } from '../job.js';
import { differencesOf, settingsDifferences, type StoredContent } from '../methods/mariadb-logical/dump-content.js';
import { CONTENT, settingsOf, STREAMS } from '../methods/mariadb-logical/dump-server.js';
import { eventsScript, triggersScript } from '../methods/mariadb-logical/stored-programs.js';
import { loadMariadb } from '../restore/load-mariadb.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { askMariadb, failedAssertions, notTrue } from './assertions.js';
import { settingsLike } from './copied-mariadb.js';
import { dumpAgain } from './dump-again.js';
import { named } from './named.js';
import { scratchFolder } from './scratch-server.js';

/**
 * Proves a dump: restores it into a scratch server of the same release series, dumps that in the same way, and compares
 * the text of every table and of all definitions. Leaves nothing, however it ends.
 * @throws HozenError CONTENT_DIFFERS naming what differs, SANDBOX_FAILED, ARTEFACT_CORRUPT, STORAGE_IO
 */
export async function proveMariadb(
  job: BackupJob,
  artefact: CommittedArtefact,
  context: AttemptContext,
): Promise<ProofFacts> {
  return inSpan('prove by restore', { attributes: { 'file.path': artefact.path } }, async () => {
    const started = performance.now();
    await using file = await ArtefactFile.open(artefact);
    const expected = JSON.parse((await file.readFile(CONTENT)).toString('utf8')) as StoredContent;
    const scratch = await scratchFolder(job);
    let failed: string[] = [];
    try {
      await using server = await startScratch(scratch, artefact, context);
      for (const stream of Object.values(STREAMS)) await load(server, file, stream, artefact, context);
      const differences = await compare(server, file, expected, artefact, context);
      if (differences.length > 0) throw new HozenError('CONTENT_DIFFERS', { what: named(differences) });
      failed = await failedAssertions(job.config.assertions ?? [], askMariadb(server.address()));
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
    const { databases } = artefact.manifest;
    const seconds = (performance.now() - started) / 1000;
    const tables = expected.tables.length;
    return { level: 'restore', databases: databases.length, tables, seconds, ...notTrue(failed) };
  });
}

async function startScratch(
  scratch: string,
  artefact: CommittedArtefact,
  { signal }: Pick<AttemptContext, 'signal'>,
): Promise<PrivateMariadb> {
  const settings = await settingsLike(artefact);
  try {
    return await PrivateMariadb.start({ dataDir: join(scratch, 'data'), settings, signal });
  } catch (cause) {
    signal.throwIfAborted();
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new HozenError('SANDBOX_FAILED', {}, { detail, cause });
  }
}

async function load(
  server: PrivateMariadb,
  file: ArtefactFile,
  name: string,
  { originalBytes: expectedBytes }: CommittedArtefact,
  { signal, progress }: Pick<AttemptContext, 'signal' | 'progress'>,
): Promise<void> {
  let bytes = 0;
  const counted = async function* () {
    for await (const chunk of file.read(file.stream(name))) {
      progress({ phase: 'restoring', bytes: (bytes += chunk.length), expectedBytes, item: name });
      yield chunk;
    }
  };
  try {
    await loadMariadb(server.address(), counted(), signal);
  } catch (error) {
    throw asRestoreError(error, name, signal);
  }
}

/** The server is ours, and new: what it refuses, the dump is to blame for. */
function asRestoreError(error: unknown, name: string, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (!(error instanceof HozenError)) return error;
  if (error.code !== 'TOOL_FAILED') {
    const isServer = error.code.startsWith('TARGET_') || error.code === 'DISK_FULL';
    return isServer
      ? new HozenError('SANDBOX_FAILED', {}, { detail: error.detail ?? error.message, cause: error })
      : error;
  }
  const what = `${name} cannot be restored`;
  return new HozenError('CONTENT_DIFFERS', { what }, { detail: error.detail ?? error.message, cause: error });
}

async function compare(
  server: PrivateMariadb,
  file: ArtefactFile,
  expected: StoredContent,
  { manifest, originalBytes: expectedBytes }: CommittedArtefact,
  { signal, progress }: Pick<AttemptContext, 'signal' | 'progress'>,
): Promise<string[]> {
  const names = manifest.databases.map(({ name }) => name);
  const found = await dumpAgain(server.address(), { names, expectedBytes, signal, progress });
  await using client = await connectMariadb(server.address());
  const programs = [
    ['triggers', STREAMS.triggers, await triggersScript(client)],
    ['events', STREAMS.events, await eventsScript(client)],
  ] as const;
  const others: string[] = [];
  for (const [what, stream, script] of programs) {
    if ((await file.readFile(stream)).toString('utf8') !== script) others.push(what);
  }
  const databases = (await mariadbDatabases(client)).map(settingsOf);
  return [...settingsDifferences(expected.databases, databases), ...differencesOf(expected, found), ...others];
}
