import { createHash } from 'node:crypto';
import type { ArtefactFile } from '../../artefact/artefact-file.js';
import { damaged } from '../../artefact/artefact-file.js';
import type { FileAttributes } from '../../pipeline/pax-member.js';
import { fromText, toText, type ByteText } from './byte-text.js';
import type { EntryType } from './walk-tree.js';

/** The stream with one line a path, by the bytes of the paths: the whole tree, whatever of it this backup holds. */
export const LISTING = 'files.jsonl';

/** One path of a tree, as it is restored. */
export interface ListedEntry {
  path: ByteText;
  type: EntryType;
  /** Permission bits. */
  mode: number;
  uid: number;
  gid: number;
  /** Of a file. */
  size?: number;
  /** Nanoseconds since 1970. */
  mtime: bigint;
  /** Where a symbolic link leads. */
  target?: ByteText;
  device?: [major: number, minor: number];
  /** Paths with the same number are names of one file, or of one symbolic link. */
  group?: number;
  /** Of a file's content. */
  sha256?: string;
  inode: bigint;
  /** Of its access control lists and extended attributes. */
  attributes?: FileAttributes;
  /** Where the file was an object of a bucket. */
  object?: ObjectFacts;
  /** Of the original; absent where it was changed so lately that a later change need not show. */
  ctime?: bigint;
}

/** What is restored of an object besides its content, and by what the next backup knows it again. */
export interface ObjectFacts {
  /** Without the prefix of the target. */
  key: string;
  etag: string;
  version?: string;
  storageClass?: string;
  contentType?: string;
  contentEncoding?: string;
  contentLanguage?: string;
  contentDisposition?: string;
  cacheControl?: string;
  expires?: string;
  /** What its owner wrote down with it. */
  metadata?: Record<string, string>;
  tags?: Record<string, string>;
}

interface Line {
  path: string;
  type: string;
  mode: string;
  uid: number;
  gid: number;
  size?: number;
  mtime: string;
  target?: string;
  device?: [number, number];
  group?: number;
  sha256?: string;
  inode: string;
  ctime?: string;
  attributes?: FileAttributes;
  object?: ObjectFacts;
}

export function lineOf(entry: ListedEntry): string {
  const { path, type, mode, uid, gid, size, mtime, target, device, group, sha256, inode, ctime, attributes, object } =
    entry;
  const line: Line = {
    path: toText(path),
    type,
    mode: mode.toString(8).padStart(4, '0'),
    uid,
    gid,
    ...(size === undefined ? {} : { size }),
    mtime: secondsText(mtime),
    ...(target === undefined ? {} : { target: toText(target) }),
    ...(device === undefined ? {} : { device }),
    ...(group === undefined ? {} : { group }),
    ...(sha256 === undefined ? {} : { sha256 }),
    inode: String(inode),
    ...(ctime === undefined ? {} : { ctime: secondsText(ctime) }),
    ...(attributes === undefined ? {} : { attributes }),
    ...(object === undefined ? {} : { object }),
  };
  return `${JSON.stringify(line)}\n`;
}

/** @throws RangeError */
export function entryOf(text: string): ListedEntry {
  const line = JSON.parse(text) as Line;
  const path = fromText(line.path);
  if (!isInside(path)) throw new RangeError(`a path that leads elsewhere: ${line.path}`);
  return {
    path,
    type: line.type as EntryType,
    mode: Number.parseInt(line.mode, 8),
    uid: line.uid,
    gid: line.gid,
    ...(line.size === undefined ? {} : { size: line.size }),
    mtime: nanoseconds(line.mtime),
    ...(line.target === undefined ? {} : { target: fromText(line.target) }),
    ...(line.device === undefined ? {} : { device: line.device }),
    ...(line.group === undefined ? {} : { group: line.group }),
    ...(line.sha256 === undefined ? {} : { sha256: line.sha256 }),
    inode: BigInt(line.inode),
    ...(line.ctime === undefined ? {} : { ctime: nanoseconds(line.ctime) }),
    ...(line.attributes === undefined ? {} : { attributes: line.attributes }),
    ...(line.object === undefined ? {} : { object: line.object }),
  };
}

/** Whether a path of an archive or a listing stays below the folder that it is restored into. */
export function isInside(path: ByteText): boolean {
  return path === '.' || (path.startsWith('./') && !/(?:^|\/)\.\.(?:\/|$)|\0|\/\/|\/$|\/\.(?:\/|$)/.test(path));
}

/**
 * The listing of a backup, line by line.
 * @param sha256 what it must have; it is known when the last line was read
 * @throws HozenError ARTEFACT_CORRUPT, of the STORAGE_ codes
 */
export async function* readListing(file: ArtefactFile, sha256: string): AsyncGenerator<ListedEntry> {
  const hash = createHash('sha256');
  let rest = '';
  try {
    for await (const bytes of file.read(file.stream(LISTING))) {
      hash.update(bytes);
      // Lines are ASCII, but for names that are UTF-8: those are cut at line ends only.
      const lines = (rest + bytes.toString('latin1')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield entryOf(Buffer.from(line, 'latin1').toString('utf8'));
    }
    if (rest !== '' || hash.digest('hex') !== sha256) throw new RangeError('its SHA-256 is wrong');
  } catch (error) {
    throw damaged(file.path, LISTING, error instanceof SyntaxError ? new RangeError('not JSON') : error);
  }
}

/** `-1.500000000` is one and a half seconds before 1970. */
function secondsText(nanos: bigint): string {
  const positive = nanos < 0n ? -nanos : nanos;
  const fraction = String(positive % 1_000_000_000n).padStart(9, '0');
  return `${nanos < 0n ? '-' : ''}${positive / 1_000_000_000n}.${fraction}`;
}

function nanoseconds(text: string): bigint {
  const value = BigInt(text.replace(/[-.]/g, ''));
  return text.startsWith('-') ? -value : value;
}
