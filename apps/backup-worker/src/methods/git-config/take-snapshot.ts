import { createHash } from 'node:crypto';
import { constants, type BigIntStats } from 'node:fs';
import { chmod, lchown, lstat, mkdir, open, readlink, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HozenError } from '@hozen/contracts';
import { toBytes, toText, type ByteText } from '../files/byte-text.js';
import { isGone } from '../files/walk-tree.js';
import { isUnreadable, type FoundConfiguration, type FoundPath } from './find-files.js';
import { safeName } from '../../storage/safe-name.js';
import type { ServerSettings } from './server-settings.js';
import { ownerNames, type OwnerNames } from './owner-names.js';
import type { Masker } from './mask.js';

/** Beside the files, in the repository and in a restored folder: what each path was, and what is not stored. */
export const SNAPSHOT_LISTING = 'hozen-listing.jsonl';

/** Beside them, too: one file for each server whose settings are asked for. */
export const SERVERS_FOLDER = 'hozen-servers';

/** More than this is no set of configuration files. */
const MOST_PATHS = 20_000;
const MOST_BYTES = 256 * 1024 * 1024;

/** A file that is written to while it is read is read again so often. */
const READS = 3;

const EXECUTABLE = 0o100;

export type LeftOutReason = 'binary' | 'too large' | 'unreadable' | 'no plain file' | 'a name of git';

/** What the repository has: text files and symbolic links. Sorted by path. */
export interface StoredText {
  /** From the top of the snapshot, as bytes: `etc/hosts`. */
  path: ByteText;
  mode: '100644' | '100755' | '120000';
  /** Of what is stored: of a link, of where it leads. */
  sha256: string;
}

export interface Snapshot {
  /** The folder that it was put into: masked, with the modes of the originals. */
  folder: string;
  stored: StoredText[];
  bytes: number;
  masked: { places: number; files: number };
  leftOut: { path: ByteText; reason: LeftOutReason }[];
  vanished: ByteText[];
  /** They were changed while they were read, again and again. */
  changed: ByteText[];
}

export interface Taking {
  found: FoundConfiguration;
  settings: readonly ServerSettings[];
  folder: string;
  masker: Masker;
  maxFileBytes: number;
  signal: AbortSignal;
  onFile: (path: string) => void;
}

/**
 * Copies the files into a new folder, with their secrets masked: nothing else is read after this.
 * @throws HozenError CONFIG_INVALID where they are too many for what they are said to be
 */
export async function takeSnapshot(taking: Taking): Promise<Snapshot> {
  const { paths, unreadable } = taking.found;
  if (paths.length > MOST_PATHS) throw tooMany(`${paths.length} paths, and ${MOST_PATHS} are the most`);
  const bytes = paths.reduce((sum, { size }) => sum + (size > taking.maxFileBytes ? 0 : size), 0);
  if (bytes > MOST_BYTES) throw tooMany(`${bytes} bytes, and ${MOST_BYTES} are the most`);
  await mkdir(taking.folder, { mode: 0o755 });
  await chmod(taking.folder, 0o755);
  const snapshot = new SnapshotTaking(taking, await ownerNames());
  for (const found of paths) {
    taking.signal.throwIfAborted();
    taking.onFile(toText(found.path));
    await snapshot.add(found);
  }
  for (const settings of taking.settings) await snapshot.addSettings(settings);
  for (const path of unreadable) snapshot.leaveOut(path, 'unreadable');
  return snapshot.end();
}

function tooMany(what: string): HozenError {
  const detail = `the paths of the target hold ${what}: name the configuration files alone, or use the method files`;
  return new HozenError('CONFIG_INVALID', {}, { detail });
}

type Line = Record<string, string | number | undefined>;

class SnapshotTaking {
  readonly #snapshot: Snapshot;
  readonly #lines = new Map<ByteText, Line>();
  readonly #folders: { path: ByteText; facts: BigIntStats }[] = [];

  constructor(
    private readonly taking: Taking,
    private readonly owners: OwnerNames,
  ) {
    const { folder } = taking;
    const masked = { places: 0, files: 0 };
    this.#snapshot = { folder, stored: [], bytes: 0, masked, leftOut: [], vanished: [], changed: [] };
  }

  async add({ path, type }: FoundPath): Promise<void> {
    if (/\/(?:\.git|git~\d+)(?:\/|$)/i.test(path)) return this.leaveOut(path, 'a name of git');
    if (path === `/${SNAPSHOT_LISTING}` || path === `/${SERVERS_FOLDER}`) return this.leaveOut(path, 'no plain file');
    try {
      if (type === 'folder') return await this.#folder(path);
      if (type !== 'file' && type !== 'link') return this.leaveOut(path, 'no plain file');
      await this.#above(path);
      await (type === 'file' ? this.#file(path) : this.#link(path));
    } catch (error) {
      if (isGone(error)) this.#snapshot.vanished.push(path);
      else if (isUnreadable(error) || isLoop(error)) this.leaveOut(path, 'unreadable');
      else throw error;
    }
  }

  async addSettings({ name, text }: ServerSettings): Promise<void> {
    const path = Buffer.from(`/${SERVERS_FOLDER}/${safeName(name)}.conf`).toString('latin1');
    await mkdir(join(this.#snapshot.folder, SERVERS_FOLDER), { recursive: true, mode: 0o755 });
    const masked = this.taking.masker.mask(Buffer.from(text).toString('latin1'));
    const content = toBytes(masked.text);
    await writeFile(this.#place(path), content, { flag: 'wx', mode: 0o644 });
    const { sha256 } = this.#store(path.slice(1), '100644', content);
    this.#note(masked.places);
    this.#lines.set(path, {
      path: toText(path.slice(1)),
      type: 'settings',
      server: name,
      size: content.length,
      sha256,
      ...(masked.places > 0 ? { masked: masked.places } : {}),
    });
  }

  leaveOut(path: ByteText, reason: LeftOutReason): void {
    this.#snapshot.leftOut.push({ path, reason });
    this.#lines.set(path, { path: toText(path), leftOut: reason });
  }

  async end(): Promise<Snapshot> {
    const lines = [...this.#lines].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, line]) => line);
    const listing = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    await writeFile(join(this.#snapshot.folder, SNAPSHOT_LISTING), listing, { flag: 'wx', mode: 0o644 });
    this.#store(SNAPSHOT_LISTING, '100644', listing);
    // At the end, and from the innermost: a folder may be one that nobody may write to.
    for (const { path, facts } of this.#folders.toReversed()) {
      await this.#give(path, facts);
      await chmod(this.#place(path), Number(facts.mode & 0o7777n) | 0o500);
    }
    this.#snapshot.stored.sort((one, other) => (one.path < other.path ? -1 : 1));
    return this.#snapshot;
  }

  async #folder(path: ByteText): Promise<void> {
    if (path === '/' || this.#lines.has(path)) return;
    await this.#above(path);
    const facts = await lstat(toBytes(path), { bigint: true });
    await mkdir(this.#place(path), { mode: 0o700 });
    this.#folders.push({ path, facts });
    this.#lines.set(path, { path: toText(path), type: 'folder', ...this.#about(facts) });
  }

  /** Folders on the way to what is wanted are kept as what they are, or nobody could come to it. */
  async #above(path: ByteText): Promise<void> {
    const folder = path.slice(0, path.lastIndexOf('/')) || '/';
    if (folder === '/' || this.#lines.get(folder)?.['type'] === 'folder') return;
    await this.#above(folder);
    const facts = await statThrough(folder);
    await mkdir(this.#place(folder), { mode: 0o700 });
    this.#folders.push({ path: folder, facts });
    this.#lines.set(folder, { path: toText(folder), type: 'folder', ...this.#about(facts) });
  }

  async #link(path: ByteText): Promise<void> {
    const target = await readlink(toBytes(path), { encoding: 'buffer' });
    const facts = await lstat(toBytes(path), { bigint: true });
    await symlink(target, this.#place(path));
    await this.#give(path, facts);
    this.#store(path.slice(1), '120000', target);
    const to = toText(target.toString('latin1'));
    this.#lines.set(path, { path: toText(path), type: 'link', ...this.#owner(facts), target: to });
  }

  async #file(path: ByteText): Promise<void> {
    const read = await this.#read(path);
    if (typeof read === 'string') return this.leaveOut(path, read);
    const { content, facts } = read;
    const masked = this.taking.masker.mask(content.toString('latin1'));
    const text = toBytes(masked.text);
    const place = this.#place(path);
    await writeFile(place, text, { flag: 'wx', mode: 0o600 });
    await this.#give(path, facts);
    const mode = Number(facts.mode & 0o7777n);
    await chmod(place, mode | 0o400);
    const stored = this.#store(path.slice(1), mode & EXECUTABLE ? '100755' : '100644', text);
    this.#note(masked.places);
    this.#lines.set(path, {
      path: toText(path),
      type: 'file',
      ...this.#about(facts),
      size: text.length,
      sha256: stored.sha256,
      ...(masked.places > 0 ? { masked: masked.places } : {}),
    });
  }

  /** Of the moment between two looks at the file that see the same. */
  async #read(path: ByteText): Promise<{ content: Buffer; facts: BigIntStats } | LeftOutReason> {
    const { maxFileBytes } = this.taking;
    for (let turn = 1; ; turn++) {
      // Whatever has taken its place meanwhile: no link is followed, and no FIFO waited for.
      await using handle = await open(toBytes(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      const facts = await handle.stat({ bigint: true });
      if (!facts.isFile()) return 'no plain file';
      const content = Buffer.alloc(Math.min(Number(facts.size), maxFileBytes) + 1);
      let length = 0;
      for (let more = -1; more !== 0 && length < content.length; length += more) {
        more = (await handle.read(content, length, content.length - length, length)).bytesRead;
      }
      if (length > maxFileBytes) return 'too large';
      const bytes = content.subarray(0, length);
      if (bytes.includes(0)) return 'binary';
      const after = await handle.stat({ bigint: true });
      if (after.ctimeNs === facts.ctimeNs && BigInt(length) === facts.size) return { content: bytes, facts };
      if (turn < READS) continue;
      this.#snapshot.changed.push(path);
      return { content: bytes, facts };
    }
  }

  #note(places: number): void {
    this.#snapshot.masked.places += places;
    if (places > 0) this.#snapshot.masked.files++;
  }

  #store(path: ByteText, mode: StoredText['mode'], content: Buffer): StoredText {
    const stored: StoredText = { path, mode, sha256: createHash('sha256').update(content).digest('hex') };
    this.#snapshot.stored.push(stored);
    this.#snapshot.bytes += content.length;
    return stored;
  }

  async #give(path: ByteText, { uid, gid }: BigIntStats): Promise<void> {
    if (process.getuid?.() === 0) await lchown(this.#place(path), Number(uid), Number(gid));
  }

  #place(path: ByteText): Buffer {
    return Buffer.concat([Buffer.from(this.taking.folder), toBytes(path)]);
  }

  #about(facts: BigIntStats): Line {
    return {
      mode: Number(facts.mode & 0o7777n)
        .toString(8)
        .padStart(4, '0'),
      ...this.#owner(facts),
    };
  }

  #owner({ uid, gid }: BigIntStats): Line {
    return { owner: this.owners.user(Number(uid)), group: this.owners.group(Number(gid)) };
  }
}

/** Of a symbolic link, the content is where it leads. */
export function sha256OfLink(target: ByteText): string {
  return createHash('sha256').update(toBytes(target)).digest('hex');
}

/** A folder on the way may be a link: the way is kept, as folders. */
async function statThrough(folder: ByteText): Promise<BigIntStats> {
  return stat(toBytes(folder), { bigint: true });
}

function isLoop(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ELOOP' || error.code === 'ENXIO');
}
