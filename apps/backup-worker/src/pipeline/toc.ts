/** One entry of the table of contents of a pg_dump archive. Field names as in PostgreSQL's pg_backup_archiver.h. */
export interface TocEntry {
  dumpId: number;
  /** A data block of this entry follows the table of contents. */
  hasData: boolean;
  /** OIDs of the catalogue and of the object in it, where it is one: "0" else. */
  catalogue: string;
  oid: string;
  tag: string;
  desc: string;
  section: number;
  defn: string | null;
  dropStmt: string | null;
  copyStmt: string | null;
  namespace: string | null;
  tablespace: string | null;
  tableam: string | null;
  owner: string | null;
  /** Entries that must be restored before it. */
  needs: number[];
}

/** What stands before the entries. */
export interface TocHead {
  intSize: number;
  minor: number;
  /** Their number. */
  entries: number;
}

/** Takes the entries one by one, in their order. Keeping them takes about a kilobyte for each. */
export type TakeEntry = (entry: TocEntry) => void;

/** The file does not follow pg_dump's custom format. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
}

const MAGIC = 'PGDMP';
const CUSTOM = 1;
/** 12 to 15 write 1.14, 16 writes 1.15, 17 and 18 write 1.16. */
const VERSIONS = [14, 15, 16];
/** The reader keeps strings of the table of contents in memory; one this long is a damaged length. */
const LONGEST_STRING = 1 << 30;
const OFFSET_NO_DATA = 3;

/** Parses header and table of contents. Yields how many bytes it wants next. @throws FormatError */
export function* parseToc(take: TakeEntry): Generator<number, TocHead, Buffer> {
  const head = yield* parseHead();
  for (let number = 0; number < head.entries; number++) take(yield* parseEntry(head.minor));
  return head;
}

/** Parses what stands before the entries; last comes their number. */
export function* parseHead(): Generator<number, TocHead, Buffer> {
  const head = yield MAGIC.length + 6;
  if (head.toString('latin1', 0, MAGIC.length) !== MAGIC) throw new FormatError('not an archive of pg_dump');
  const [major, minor, , intSize = 0, offSize = 0, format] = head.subarray(MAGIC.length);
  if (major !== 1 || minor === undefined || !VERSIONS.includes(minor)) {
    throw new FormatError(`unknown archive version ${major}.${minor}`);
  }
  if (format !== CUSTOM || intSize !== 4 || offSize !== 8) throw new FormatError('not the custom format');
  if (minor >= 15) yield 1;
  else yield* readInt();
  // When it was made: seconds to years and daylight saving.
  for (let field = 0; field < 7; field++) yield* readInt();
  // Database, server version, pg_dump version.
  for (let field = 0; field < 3; field++) yield* readString();
  return { intSize, minor, entries: yield* readInt() };
}

/** @param minor of the version of the archive */
export function* parseEntry(minor: number): Generator<number, TocEntry, Buffer> {
  const dumpId = yield* readInt();
  yield* readInt();
  const catalogue = (yield* readString()) ?? '0';
  const oid = (yield* readString()) ?? '0';
  const tag = (yield* readString()) ?? '';
  const desc = (yield* readString()) ?? '';
  const section = yield* readInt();
  const defn = yield* readString();
  const dropStmt = yield* readString();
  const copyStmt = yield* readString();
  const namespace = yield* readString();
  const tablespace = yield* readString();
  const tableam = yield* readString();
  if (minor >= 16) yield* readInt();
  const owner = yield* readString();
  yield* readString();
  const needs: number[] = [];
  for (let id = yield* readString(); id !== null; id = yield* readString()) needs.push(Number(id));
  const offset = yield 9;
  const hasData = offset[0] !== OFFSET_NO_DATA;
  const what = { tag, desc, section, defn, dropStmt, copyStmt, namespace, tablespace, tableam, owner };
  return { dumpId, hasData, catalogue, oid, needs, ...what };
}

function* readInt(): Generator<number, number, Buffer> {
  const bytes = yield 5;
  const value = bytes.readUInt32LE(1);
  return bytes[0] === 0 ? value : -value;
}

function* readString(): Generator<number, string | null, Buffer> {
  const length = yield* readInt();
  if (length < 0) return null;
  if (length > LONGEST_STRING) throw new FormatError(`a string of ${length} bytes`);
  // Names are compared, not shown: any encoding keeps its differences this way.
  return length === 0 ? '' : (yield length).toString('utf8');
}
