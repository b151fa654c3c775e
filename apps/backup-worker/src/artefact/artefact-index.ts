import { HozenError, isRecord } from '@hozen/contracts';

/** `index.json`, the last entry of an artefact: where each stream lies, and what must be in it. */
export interface ArtefactIndex {
  version: 1;
  streams: StreamFacts[];
  databases: DatabaseContent[];
}

/** One stream, in the order of its parts. A stream that fits in one part is an entry under its own name. */
export interface StreamFacts {
  name: string;
  bytes: number;
  /** Of all streams but those that have sums inside, see {@link isSummedInside}. */
  sha256?: string;
  parts: Part[];
}

/** Where a part lies in the artefact file: offset, bytes there (compressed), and bytes of the stream in it. */
export type Part = [offset: number, storedBytes: number, bytes: number];

/** What the data streams of one database hold. Not for checking the file (the streams are), but the restored copy. */
export interface DatabaseContent {
  /** Folder in the artefact: `databases/0001`. */
  folder: string;
  name: string;
  tables: TableContent[];
  sequences: SequenceContent[];
  largeObjects: LargeObjectContent;
  /** Of a part of a database: tables that are defined and have no rows in it. */
  withoutRows?: { schema: string; name: string }[];
}

export interface TableContent {
  schema: string;
  name: string;
  /** The columns in the order in which they were dumped, as in the COPY statement. */
  columns: string;
  rows: number;
  bytes: number;
  /**
   * Of a table with a stream of its own: SHA-256 of its rows as COPY wrote them. Of others: sum of the hashes of all
   * rows, whatever their order (see content-hash.ts).
   */
  content: string;
  /** Name of the stream that holds this table alone. */
  stream?: string;
}

export interface SequenceContent {
  schema: string;
  name: string;
  /** The setval call of the dump. */
  state: string;
}

export interface LargeObjectContent {
  count: number;
  bytes: number;
  content: string;
}

/** Name of the entry that holds part `number` (from 0) of a stream of several parts. */
export function partName(stream: string, number: number): string {
  return `${stream}.${String(number).padStart(6, '0')}`;
}

/** Data of tables, in an archive or as SQL. */
export function isDataStream(name: string): boolean {
  return /^databases\/\d+\/data-\d+\.(?:dump|sql)$/.test(name);
}

/** A stream of a file of SQL, as it stands there. */
export function isSqlStream(name: string): boolean {
  return name.endsWith('.sql');
}

/** A tar archive with the server's files, as pg_basebackup names it. */
export function isArchive(name: string): boolean {
  return /^(?:base|\d+)\.tar$/.test(name);
}

/**
 * Streams that are not hashed whole: their tables and files have sums of their own. Nearly all bytes of a backup are in these, so
 * each is hashed once only; the gzip members around them have their own sums, and the file its SHA-256. Of SQL nobody reads
 * the tables before it is restored.
 */
export function isSummedInside(name: string): boolean {
  return (isDataStream(name) && !isSqlStream(name)) || isArchive(name);
}

/**
 * Reads an index that may have been damaged or made by somebody else.
 * @throws HozenError ARTEFACT_CORRUPT
 */
export function parseIndex(text: string, path: string): ArtefactIndex {
  const corrupt = (what: string, cause?: unknown) =>
    new HozenError('ARTEFACT_CORRUPT', { path, what: `index.json: ${what}` }, { cause });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw corrupt('not JSON', cause);
  }
  if (!isRecord(value) || value['version'] !== 1) throw corrupt('unknown version');
  const { streams, databases } = value;
  if (!Array.isArray(streams) || !streams.every(isStream)) throw corrupt('streams');
  if (!Array.isArray(databases) || !databases.every(isDatabase)) throw corrupt('databases');
  return { version: 1, streams, databases };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isStream(value: unknown): value is StreamFacts {
  if (!isRecord(value) || typeof value['name'] !== 'string' || !isCount(value['bytes'])) return false;
  const { sha256 } = value;
  if (sha256 === undefined ? !isSummedInside(value['name']) : !isSha256(sha256)) return false;
  const { parts } = value;
  return Array.isArray(parts) && parts.length > 0 && parts.every(isPart);
}

function isSha256(value: unknown): boolean {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

function isPart(value: unknown): value is Part {
  return Array.isArray(value) && value.length === 3 && value.every(isCount);
}

function isDatabase(value: unknown): value is DatabaseContent {
  if (!isRecord(value) || !isText(value['folder']) || !isText(value['name'])) return false;
  const { tables, sequences, largeObjects, withoutRows } = value;
  return (
    Array.isArray(tables) &&
    tables.every(isTable) &&
    Array.isArray(sequences) &&
    sequences.every((each) => hasTexts(each, ['schema', 'name', 'state'])) &&
    hasTexts(largeObjects, ['content']) &&
    isCount(largeObjects['count']) &&
    (withoutRows === undefined ||
      (Array.isArray(withoutRows) && withoutRows.every((each) => hasTexts(each, ['schema', 'name']))))
  );
}

function isTable(value: unknown): value is TableContent {
  if (!hasTexts(value, ['schema', 'name', 'columns', 'content'])) return false;
  const { rows, bytes, stream, columns } = value;
  if (!isCount(rows) || !isCount(bytes)) return false;
  return stream === undefined || (isText(stream) && isDataStream(stream) && isColumnList(String(columns)));
}

/** It becomes part of a statement when the table is restored: names only, quoted where they must be. */
function isColumnList(text: string): boolean {
  return /^(?:[a-z_][a-z0-9_]*|"(?:[^"]|"")+")(?:, (?:[a-z_][a-z0-9_]*|"(?:[^"]|"")+"))*$/.test(text);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function hasTexts(value: unknown, keys: string[]): value is Record<string, unknown> {
  return isRecord(value) && keys.every((key) => isText(value[key]));
}
