import { Readable } from 'node:stream';
import { PaxReader } from '../../pipeline/pax-reader.js';
import { runInto } from '../../pipeline/pour.js';
import type { StreamWriter } from '../../artefact/stream-writer.js';
import type { AttemptContext } from '../../job.js';
import { toBytes } from './byte-text.js';
import type { TarProgram } from './check-target.js';
import type { PlannedEntry } from './plan-increment.js';
import type { StoredMembers } from './stored-members.js';

/** Names that are handed over at once. */
const BATCH = 1_000;

/** Something could not be read to its end, or was changed meanwhile: the archive is whole for all that. */
const DIFFERED = 1;

/** What tar says of a path that is told of, or counted, by ourselves. */
const KNOWN = /: (?:Warning: )?(?:Cannot (?:stat|open|readlink)|file changed as we read it|File removed before)|^$/;

export interface TarRun extends Pick<AttemptContext, 'signal'> {
  tar: TarProgram;
  root: string;
  wanted: readonly PlannedEntry[];
  onBytes: (bytes: number) => void;
}

/**
 * Has tar write the wanted paths into a stream, and follows what it writes.
 * @returns its messages about what went wrong with single files
 * @throws HozenError TOOL_FAILED, and what the stream throws
 */
export async function runTar(run: TarRun, members: StoredMembers, stream: StreamWriter): Promise<string[]> {
  const reader = new PaxReader(members);
  const { stderr } = await runInto(
    {
      path: run.tar.path,
      args: tarArguments(run.root),
      stdin: Readable.from(names(run.wanted)),
      goodExits: [DIFFERED],
      signal: run.signal,
    },
    async (chunk) => {
      run.onBytes(chunk.length);
      await reader.push(chunk);
      await stream.write(chunk);
    },
  );
  reader.end();
  await members.end();
  return stderr.split('\n').filter((line) => !KNOWN.test(line));
}

/** For paths on its standard input, a NUL after each. */
export function tarArguments(root: string): string[] {
  return [
    '--create',
    '--file=-',
    '--format=posix',
    // Reading changes one of them, and nobody can set the other.
    '--pax-option=delete=atime,delete=ctime',
    '--numeric-owner',
    '--acls',
    '--xattrs',
    '--xattrs-include=*',
    '--sparse',
    '--no-recursion',
    '--ignore-failed-read',
    `--directory=${root}`,
    '--null',
    '--no-unquote',
    '--verbatim-files-from',
    '--files-from=-',
  ];
}

function* names(wanted: readonly PlannedEntry[]): Generator<Buffer> {
  for (let at = 0; at < wanted.length; at += BATCH) {
    const batch = wanted.slice(at, at + BATCH).map(({ found }) => `${found.path}\0`);
    yield toBytes(batch.join(''));
  }
}
