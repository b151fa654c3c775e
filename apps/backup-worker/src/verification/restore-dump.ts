import { HozenError } from '@hozen/contracts';
import { connectMariadb, mariadbDatabases, type AnsweringMariadb } from '@hozen/dbms';
import { ArtefactFile } from '../artefact/artefact-file.js';
import type { AttemptContext } from '../job.js';
import { differencesOf, settingsDifferences, type StoredContent } from '../methods/mariadb-logical/dump-content.js';
import { CONTENT, settingsOf, STREAMS } from '../methods/mariadb-logical/dump-server.js';
import { eventsScript, triggersScript } from '../methods/mariadb-logical/stored-programs.js';
import { loadMariadb, loadWhatCan } from '../restore/load-mariadb.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { dumpAgain } from './dump-again.js';
import { named } from './named.js';

/**
 * Restores a whole dump into an empty server of ours, dumps that in the same way, and compares the text of every table and of all definitions.
 * @returns how many tables there are
 * @throws HozenError CONTENT_DIFFERS naming what differs, SANDBOX_FAILED, ARTEFACT_CORRUPT, STORAGE_IO
 */
export async function restoreDump(
  address: AnsweringMariadb,
  artefact: CommittedArtefact,
  context: Pick<AttemptContext, 'signal' | 'progress'>,
): Promise<number> {
  await using file = await ArtefactFile.open(artefact);
  const expected = JSON.parse((await file.readFile(CONTENT)).toString('utf8')) as StoredContent;
  // Views are made with the rights of those who define the views in them, routines and triggers as a role that must be there.
  await loadWhatCan(address, file.read(file.stream(STREAMS.users)), context.signal);
  for (const stream of Object.values(STREAMS)) await load(address, file, stream, artefact, context);
  const differences = await compare(address, file, expected, artefact, context);
  if (differences.length > 0) throw new HozenError('CONTENT_DIFFERS', { what: named(differences) });
  return expected.tables.length;
}

async function load(
  address: AnsweringMariadb,
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
    await loadMariadb(address, counted(), signal);
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
  address: AnsweringMariadb,
  file: ArtefactFile,
  expected: StoredContent,
  { manifest, originalBytes: expectedBytes }: CommittedArtefact,
  { signal, progress }: Pick<AttemptContext, 'signal' | 'progress'>,
): Promise<string[]> {
  const names = manifest.databases.map(({ name }) => name);
  const found = await dumpAgain(address, { names, expectedBytes, signal, progress });
  await using client = await connectMariadb(address);
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
