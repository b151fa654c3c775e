import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { HozenError } from '@hozen/contracts';
import { findMariadbTool, runTool } from '@hozen/dbms';
import { ArtefactFile } from '../artefact/artefact-file.js';
import type { AttemptContext } from '../job.js';
import { FILES_STREAM } from '../methods/mariadb-physical/copy-server.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';

export interface FilesRestore extends Pick<AttemptContext, 'signal' | 'progress'> {
  /** The full backup first. */
  chain: readonly CommittedArtefact[];
  /** A new data directory. */
  directory: string;
  /** A folder for what is unpacked meanwhile; new, and gone afterwards. */
  beside: string;
}

/**
 * Unpacks a copy of files with all that it builds on, and brings it to one moment: a server can be started on it.
 * @throws HozenError CONTENT_DIFFERS where mariadb-backup refuses it, PROGRAM_MISSING, ARTEFACT_CORRUPT, of the STORAGE_ codes
 */
export async function restoreMariadbFiles(restore: FilesRestore): Promise<void> {
  const { chain, directory, beside } = restore;
  const expectedBytes = chain.reduce((sum, { originalBytes }) => sum + originalBytes, 0);
  let bytes = 0;
  const onBytes = (more: number) => restore.progress({ phase: 'restoring', bytes: (bytes += more), expectedBytes });
  try {
    for (const [index, part] of chain.entries()) {
      const into = index === 0 ? directory : beside;
      await unpack(part, into, restore, onBytes);
      await prepare(directory, index === 0 ? undefined : beside, restore);
      await rm(beside, { recursive: true, force: true });
    }
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
}

async function unpack(
  part: CommittedArtefact,
  into: string,
  { signal }: Pick<AttemptContext, 'signal'>,
  onBytes: (bytes: number) => void,
): Promise<void> {
  await mkdir(into, { recursive: true, mode: 0o700 });
  await using file = await ArtefactFile.open(part);
  const read = async function* () {
    for await (const chunk of file.read(file.stream(FILES_STREAM))) {
      onBytes(chunk.length);
      yield chunk;
    }
  };
  const { path } = await findMariadbTool('unpack');
  const args = ['-x', '-C', into];
  const tool = {
    path,
    args,
    stdin: Readable.from(read()),
    stdout: 'ignore',
    sandbox: { writes: [into] },
    signal,
  } as const;
  await orDiffers('it cannot be unpacked', signal, () => runTool(tool).done);
}

async function prepare(
  directory: string,
  increment: string | undefined,
  { signal }: Pick<AttemptContext, 'signal'>,
): Promise<void> {
  const { path } = await findMariadbTool('backup');
  const over = increment === undefined ? [] : [`--incremental-dir=${increment}`];
  const args = ['--no-defaults', '--prepare', `--target-dir=${directory}`, ...over];
  // Files are moved from one into the other, which goes no way between what is shown separately.
  const writes = [increment === undefined ? directory : folderOfBoth(directory, increment)];
  const tool = { path, args, stdout: 'ignore', sandbox: { writes }, signal } as const;
  await orDiffers('it cannot be prepared', signal, () => runTool(tool).done);
}

function folderOfBoth(one: string, other: string): string {
  let folder = dirname(one);
  while (!other.startsWith(`${folder}/`)) folder = dirname(folder);
  return folder;
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
