import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { HozenError } from '@hozen/contracts';
import { named } from '../../verification/named.js';
import { toText, type ByteText } from '../files/byte-text.js';
import type { Git } from './git.js';
import type { StoredText } from './take-snapshot.js';

const LINE_FEED = 0x0a;
const BATCH_BYTES = 16 * 1024 * 1024;

export interface CommitComparison {
  git: Git;
  /** A bare repository of our own. */
  directory: string;
  commit: string;
  /** Where in it the files are. */
  folder: string;
  /** Sorted by path. */
  expected: Iterable<StoredText>;
  signal: AbortSignal;
}

/**
 * Reads every file of a commit and compares its SHA-256 with what was read of the original and masked.
 * @throws HozenError CONTENT_DIFFERS naming the files; ARTEFACT_CORRUPT and TOOL_FAILED from git
 */
export async function compareCommit(comparison: CommitComparison): Promise<void> {
  const { git, directory, commit, folder, expected, signal } = comparison;
  const at = [`--git-dir=${directory}`];
  // Objects first: what git makes of a damaged one is nothing to go by.
  await git.run([...at, 'fsck', '--full', '--no-dangling', '--no-progress'], { signal });
  const listed = (
    await git.output([...at, 'ls-tree', '-r', '-l', '-z', '--full-tree', `${commit}:${folder}`], { signal })
  )
    .toString('latin1')
    .split('\0')
    .slice(0, -1);
  const found = new Map<ByteText, { mode: string; object: string }>();
  const sizes = new Map<string, number>();
  for (const line of listed) {
    const [, mode = '', object = '', size = '', path = ''] =
      /^(\d+) \w+ ([0-9a-f]+) +(\d+|-)\t([^]*)$/.exec(line) ?? [];
    found.set(path, { mode, object });
    // Of another repository in this one there is no size, and no file of ours.
    if (size !== '-') sizes.set(object, Number(size));
  }
  const sums = new Map<string, string>();
  for (const batch of batches(sizes)) for (const sum of await sumsOf(git, at, batch, signal)) sums.set(...sum);
  const differences: string[] = [];
  for (const { path, mode, sha256 } of expected) {
    const is = found.get(path);
    found.delete(path);
    if (!is) differences.push(`${shown(path)} is not in the commit`);
    else if (is.mode !== mode) differences.push(`${shown(path)} has the mode ${is.mode} instead of ${mode}`);
    else if (sums.get(is.object) !== sha256) differences.push(`${shown(path)}: its content differs (SHA-256)`);
  }
  for (const path of found.keys()) differences.push(`${shown(path)} is in the commit, and was not there`);
  if (differences.length > 0) throw new HozenError('CONTENT_DIFFERS', { what: named(differences) });
}

function shown(path: ByteText): string {
  return JSON.stringify(toText(path));
}

/** So many as are held in memory at one time. */
function* batches(sizes: ReadonlyMap<string, number>): Generator<string[]> {
  let [batch, bytes]: [string[], number] = [[], 0];
  for (const [object, size] of sizes) {
    if (batch.length > 0 && bytes + size > BATCH_BYTES) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(object);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

/** SHA-256 of the content of each object. */
async function sumsOf(
  git: Git,
  at: readonly string[],
  objects: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const stdin = Readable.from(objects.map((object) => `${object}\n`));
  const printed = await git.output([...at, 'cat-file', '--batch'], { stdin, signal });
  const sums = new Map<string, string>();
  for (let start = 0; start < printed.length;) {
    const end = printed.indexOf(LINE_FEED, start);
    const head = printed.toString('latin1', start, end);
    const [, object = '', size = ''] = /^([0-9a-f]+) blob (\d+)$/.exec(head) ?? [];
    if (object === '') throw new HozenError('CONTENT_DIFFERS', { what: `an object of the repository (${head})` });
    const content = printed.subarray(end + 1, end + 1 + Number(size));
    sums.set(object, createHash('sha256').update(content).digest('hex'));
    start = end + 1 + Number(size) + 1;
  }
  return sums;
}
