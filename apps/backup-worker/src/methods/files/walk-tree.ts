import type { BigIntStats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { Minimatch } from 'minimatch';
import { Lanes } from '../../pipeline/lanes.js';
import { fullPath, toText, type ByteText } from './byte-text.js';

export type EntryType = 'file' | 'folder' | 'link' | 'fifo' | 'char' | 'block';

/** One path of a tree, as it was found. */
export interface FoundEntry {
  /** `.` for the top, `./a/b` below it. */
  path: ByteText;
  type: EntryType;
  size: number;
  /** Nanoseconds since 1970: of the content, and of anything about it. */
  mtime: bigint;
  ctime: bigint;
  inode: bigint;
  /** Names that it has. */
  links: number;
}

/** What is in a tree. */
export interface FoundTree {
  /** By the bytes of their paths. */
  entries: FoundEntry[];
  /** Of all files, as far as they take room. */
  bytes: number;
  sockets: number;
  /** Left out because a pattern says so; what is below them is not counted. */
  excluded: number;
  unreadable: ByteText[];
  vanished: ByteText[];
  /** Of other file systems: folders that are kept without what is in them, and files that are left out. */
  elsewhere: ByteText[];
  /** Folders of our own that lie in it. */
  ours: ByteText[];
}

export interface Walk {
  /** The real path of the folder. */
  root: string;
  exclude: readonly string[];
  crossFilesystems: boolean;
  /** Real paths of folders that must not be in their own backup. */
  ours: readonly string[];
  signal: AbortSignal;
  onEntries: (count: number) => void;
}

/** Folders that are read at one time. */
const LANES = 8;
const BLOCK = 512n;

/**
 * Finds everything below a folder, and the folder itself. Never follows a symbolic link.
 * @throws what reading the folder itself fails with
 */
export async function walkTree(walk: Walk): Promise<FoundTree> {
  const walker = new TreeWalker(walk, await lstat(walk.root, { bigint: true }));
  await readdir(walk.root);
  return walker.run();
}

class TreeWalker {
  readonly #found: FoundTree = {
    entries: [],
    bytes: 0,
    sockets: 0,
    excluded: 0,
    unreadable: [],
    vanished: [],
    elsewhere: [],
    ours: [],
  };
  readonly #waiting: ByteText[] = ['.'];
  readonly #counted = new Set<bigint>();
  readonly #top: ByteText;
  readonly #ours: ReadonlySet<ByteText>;
  readonly #patterns: readonly Minimatch[];

  constructor(
    private readonly walk: Walk,
    private readonly root: BigIntStats,
  ) {
    this.#top = Buffer.from(walk.root === '/' ? '' : walk.root).toString('latin1');
    this.#ours = new Set(walk.ours.map((folder) => Buffer.from(folder).toString('latin1')));
    const options = { dot: true, nocomment: true, nonegate: true };
    this.#patterns = walk.exclude.map((pattern) => new Minimatch(pattern, options));
    this.#add('.', 'folder', root);
  }

  async run(): Promise<FoundTree> {
    const lanes = new Lanes(LANES);
    while (this.#waiting.length > 0) {
      await lanes.run(() => this.#folder(this.#waiting.pop() ?? '.'));
      // Who is at work may find more.
      if (this.#waiting.length === 0) await lanes.end();
    }
    this.#found.entries.sort((one, other) => (one.path < other.path ? -1 : 1));
    return this.#found;
  }

  async #folder(path: ByteText): Promise<void> {
    this.walk.signal.throwIfAborted();
    const names = await this.#orNoted(path, () => readdir(this.#full(path), { encoding: 'buffer' }));
    for (const name of names ?? []) {
      const child = `${path}/${name.toString('latin1')}`;
      if (this.#isExcluded(child)) this.#found.excluded++;
      else await this.#entry(child);
    }
    this.walk.onEntries(this.#found.entries.length);
  }

  async #entry(path: ByteText): Promise<void> {
    const facts = await this.#orNoted(path, () => lstat(this.#full(path), { bigint: true }));
    if (!facts) return;
    const type = typeOf(facts);
    if (type === undefined) {
      this.#found.sockets++;
      return;
    }
    const isElsewhere = facts.dev !== this.root.dev && !this.walk.crossFilesystems;
    if (isElsewhere) this.#found.elsewhere.push(path);
    if (isElsewhere && type !== 'folder') return;
    if (type === 'folder' && this.#ours.has(`${this.#top}${path.slice(1)}`)) {
      this.#found.ours.push(path);
      return;
    }
    this.#add(path, type, facts);
    if (type === 'folder' && !isElsewhere) this.#waiting.push(path);
  }

  #add(path: ByteText, type: EntryType, facts: BigIntStats): void {
    const { mtimeNs: mtime, ctimeNs: ctime, ino: inode, size, nlink } = facts;
    const links = type === 'folder' ? 1 : Number(nlink);
    this.#found.entries.push({ path, type, size: type === 'file' ? Number(size) : 0, mtime, ctime, inode, links });
    if (type !== 'file' || this.#counted.has(inode)) return;
    if (links > 1) this.#counted.add(inode);
    const room = facts.blocks * BLOCK;
    this.#found.bytes += Number(room < size ? room : size);
  }

  #isExcluded(path: ByteText): boolean {
    if (this.#patterns.length === 0) return false;
    const text = toText(path.slice(2));
    return this.#patterns.some((pattern) => pattern.match(text));
  }

  #full(path: ByteText): Buffer {
    return fullPath(this.walk.root, path);
  }

  /** What cannot be looked at any more, or at all, is noted. */
  async #orNoted<T>(path: ByteText, look: () => Promise<T>): Promise<T | undefined> {
    try {
      return await look();
    } catch (error) {
      (isGone(error) ? this.#found.vanished : this.#found.unreadable).push(path);
      return undefined;
    }
  }
}

/** Whether the path is there no more, or leads elsewhere now. */
export function isGone(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** Undefined for a socket: what is behind it is a program. */
export function typeOf(facts: BigIntStats): EntryType | undefined {
  if (facts.isFile()) return 'file';
  if (facts.isDirectory()) return 'folder';
  if (facts.isSymbolicLink()) return 'link';
  if (facts.isFIFO()) return 'fifo';
  if (facts.isCharacterDevice()) return 'char';
  return facts.isBlockDevice() ? 'block' : undefined;
}
