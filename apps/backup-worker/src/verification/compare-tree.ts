import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { lstat, open, readlink } from 'node:fs/promises';
import { fullPath, toText } from '../methods/files/byte-text.js';
import type { ListedEntry } from '../methods/files/listing.js';
import { isGone, typeOf, walkTree, type FoundEntry } from '../methods/files/walk-tree.js';
import { Lanes } from '../pipeline/lanes.js';
import type { NotSet } from '../restore/files/unpack-tree.js';
import { aboutListed, aboutOf } from './tree-facts.js';

const PIECE = 1024 * 1024;
/** Files that are read at one time. */
const LANES = 4;

export interface TreeComparison {
  directory: string;
  listing: AsyncIterable<ListedEntry>;
  /** What could not be set, and so cannot be compared. */
  notSet: NotSet;
  signal: AbortSignal;
  onBytes: (bytes: number, item: string) => void;
}

/** Compares a restored tree with its listing: what is there, what is not, and everything about each. */
export async function compareTree(comparison: TreeComparison): Promise<{ paths: number; differences: string[] }> {
  const { directory, listing, notSet, signal } = comparison;
  const found = await walkTree({
    root: directory,
    exclude: [],
    crossFilesystems: true,
    ours: [],
    signal,
    onEntries: () => undefined,
  });
  const differences: string[] = [];
  const lanes = new Lanes(LANES);
  const buffers = Array.from({ length: LANES }, () => Buffer.allocUnsafeSlow(PIECE));
  const content = new ContentComparison(comparison);
  const there = found.entries[Symbol.iterator]();
  let next = there.next();
  let paths = 0;
  const extra = ({ path }: FoundEntry) => differences.push(`${shown(path)} is there, but not in the listing`);
  for await (const entry of listing) {
    paths++;
    for (; !next.done && next.value.path < entry.path; next = there.next()) extra(next.value);
    if (next.done || next.value.path !== entry.path) {
      const isDevice = entry.type === 'char' || entry.type === 'block';
      if (!(isDevice && notSet.devices)) differences.push(`${shown(entry.path)} is missing`);
      continue;
    }
    next = there.next();
    await lanes.run(async (lane) => {
      const difference = await compareEntry(entry, comparison, content, buffers[lane] ?? Buffer.alloc(PIECE));
      if (difference !== undefined) differences.push(`${shown(entry.path)}: ${difference}`);
    });
  }
  for (; !next.done; next = there.next()) extra(next.value);
  await lanes.end();
  return { paths, differences };
}

async function compareEntry(
  entry: ListedEntry,
  { directory, notSet, signal }: TreeComparison,
  content: ContentComparison,
  buffer: Buffer,
): Promise<string | undefined> {
  signal.throwIfAborted();
  const path = fullPath(directory, entry.path);
  try {
    const facts = await lstat(path, { bigint: true });
    const type = typeOf(facts);
    if (type !== entry.type) return `it is a ${type} instead of a ${entry.type}`;
    const [is, be] = [aboutOf(facts, notSet), aboutListed(entry, notSet)];
    if (is !== be) return `${is} instead of ${be}`;
    if (entry.type === 'link') {
      const target = (await readlink(path, { encoding: 'buffer' })).toString('latin1');
      return target === entry.target
        ? undefined
        : `it leads to ${shown(target)} instead of ${shown(entry.target ?? '')}`;
    }
    return entry.type === 'file' ? await content.of(entry, facts, path, buffer) : undefined;
  } catch (error) {
    if (isGone(error)) return 'it is missing';
    throw error;
  }
}

/** Of files: the SHA-256, once for all names of one. */
class ContentComparison {
  readonly #inodes = new Map<number, bigint>();

  constructor(private readonly comparison: TreeComparison) {}

  async of(entry: ListedEntry, facts: BigIntStats, path: Buffer, buffer: Buffer): Promise<string | undefined> {
    const { group } = entry;
    const first = group === undefined ? undefined : this.#inodes.get(group);
    if (first !== undefined) return first === facts.ino ? undefined : 'it is no other name of the same file';
    if (group !== undefined) this.#inodes.set(group, facts.ino);
    const sha256 = await this.#sumOf(path, shown(entry.path), buffer);
    return sha256 === entry.sha256 ? undefined : 'its content differs (SHA-256)';
  }

  async #sumOf(path: Buffer, item: string, buffer: Buffer): Promise<string> {
    await using handle = await open(path);
    const hash = createHash('sha256');
    for (;;) {
      this.comparison.signal.throwIfAborted();
      const { bytesRead } = await handle.read(buffer, 0, buffer.length);
      if (bytesRead === 0) return hash.digest('hex');
      hash.update(buffer.subarray(0, bytesRead));
      this.comparison.onBytes(bytesRead, item);
    }
  }
}

function shown(path: string): string {
  return JSON.stringify(toText(path.startsWith('./') ? path.slice(2) : path));
}
