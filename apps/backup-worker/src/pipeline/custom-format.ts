import type { LargeObjectContent, SequenceContent, TableContent } from '../artefact/artefact-index.js';
import { ByteReader } from './byte-reader.js';
import { ContentHash } from './content-hash.js';
import { FormatError, parseToc, type TakeEntry, type TocEntry, type TocHead } from './toc.js';

export { FormatError, type TakeEntry, type TocEntry };

const BLOCK_DATA = 1;
const BLOCK_BLOBS = 3;
const INT = 5;

/** What data streams of one database hold. */
export interface StreamContents {
  tables: TableContent[];
  sequences: SequenceContent[];
  largeObjects: LargeObjectContent;
}

/** Who hears of what is in an archive while it passes. */
export interface ArchiveListener {
  /** Of its table of contents. */
  onEntry?: TakeEntry | undefined;
  /**
   * Takes the bytes of a table instead of hashing them, which costs more than all the rest: for the streams that hold one
   * table, whose content is known otherwise. They are in memory that is used again.
   */
  onRows?: ((rows: Buffer) => void) | undefined;
}

/** Of an entry with data, what is needed when they come. */
type DataEntry = Pick<TocEntry, 'namespace' | 'tag' | 'copyStmt'>;

export function together(contents: readonly StreamContents[]): StreamContents {
  // Large objects are in one stream only: that of everything that is no large table.
  const largeObjects = contents.find((each) => each.largeObjects.count > 0)?.largeObjects ?? noLargeObjects();
  return {
    tables: contents.flatMap((each) => each.tables),
    sequences: contents.flatMap((each) => each.sequences),
    largeObjects,
  };
}

export function noLargeObjects(): LargeObjectContent {
  return { count: 0, bytes: 0, content: new ContentHash().digest() };
}

/** What is expected next. */
type State = 'toc' | 'block' | 'blob' | 'chunk-length' | 'chunk';

/**
 * Reads pg_dump's custom format as it passes, uncompressed (-Z0) and as written to a pipe: the table of contents, and
 * what each table's data block holds, as numbers and a hash. The format has no end mark: it is whole when every entry
 * with data has had its block and the last block is closed.
 */
export class CustomFormatReader {
  readonly #toc = new ByteReader<TocHead>(parseToc((entry) => this.#entry(entry)));
  /** Those whose data have not come yet, by their number. */
  readonly #awaited = new Map<number, DataEntry>();
  readonly #tables: TableContent[] = [];
  readonly #sequences: SequenceContent[] = [];
  readonly #blobs = new ContentHash();
  #blobCount = 0;
  #blobBytes = 0;
  #state: State = 'toc';
  /** An integer that was cut by the end of a chunk. */
  readonly #head = Buffer.alloc(INT + 1);
  #headBytes = 0;
  #table: { entry: DataEntry; hash: ContentHash; bytes: number } | undefined;
  #blob: { oid: number; chunks: number } | undefined;
  #left = 0;

  constructor(private readonly listener: ArchiveListener = {}) {}

  /** @throws FormatError where the bytes do not follow the format. */
  push(bytes: Buffer): void {
    let at = 0;
    if (this.#state === 'toc') {
      const end = this.#toc.push(bytes);
      if (end === undefined) return;
      this.#state = 'block';
      at = end;
    }
    this.#walk(bytes, at);
  }

  /**
   * The stream ended.
   * @throws FormatError when it was not whole.
   */
  end(): StreamContents {
    if (!this.#toc.result) throw new FormatError('cut off within the table of contents');
    if (this.#state !== 'block' || this.#headBytes > 0) throw new FormatError('cut off within a data block');
    const [missing] = this.#awaited.values();
    if (missing) throw new FormatError(`the data of ${missing.namespace}.${missing.tag} is missing`);
    return {
      tables: this.#tables,
      sequences: this.#sequences,
      largeObjects: { count: this.#blobCount, bytes: this.#blobBytes, content: this.#blobs.digest() },
    };
  }

  #entry(entry: TocEntry): void {
    const { dumpId, hasData, desc, namespace, tag, copyStmt } = entry;
    if (hasData) this.#awaited.set(dumpId, { namespace, tag, copyStmt });
    if (desc === 'SEQUENCE SET') this.#sequences.push(sequenceOf(entry));
    this.listener.onEntry?.(entry);
  }

  #walk(bytes: Buffer, from: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = from;
    while (at < bytes.length) {
      if (this.#state === 'chunk') {
        at = this.#data(bytes, view, at);
        continue;
      }
      const wanted = this.#state === 'block' ? INT + 1 : INT;
      if (this.#headBytes === 0 && bytes.length - at >= wanted) {
        this.#header(bytes, at);
        at += wanted;
        continue;
      }
      const taken = bytes.copy(this.#head, this.#headBytes, at, at + wanted - this.#headBytes);
      this.#headBytes += taken;
      at += taken;
      if (this.#headBytes < wanted) return;
      this.#headBytes = 0;
      this.#header(this.#head, 0);
    }
  }

  #header(bytes: Buffer, at: number): void {
    switch (this.#state) {
      case 'block':
        return this.#beginBlock(bytes[at] ?? 0, readInt(bytes, at + 1));
      case 'blob':
        return this.#beginBlob(readInt(bytes, at));
      case 'chunk-length':
        return this.#beginChunk(readInt(bytes, at));
      case 'toc':
      case 'chunk':
        throw new FormatError('no number is expected here');
    }
  }

  #beginBlock(type: number, dumpId: number): void {
    const entry = this.#awaited.get(dumpId);
    if (!entry) throw new FormatError(`a data block of the unknown entry ${dumpId}`);
    this.#awaited.delete(dumpId);
    if (type === BLOCK_DATA) {
      this.#table = { entry, hash: new ContentHash(), bytes: 0 };
      this.#state = 'chunk-length';
    } else if (type === BLOCK_BLOBS) {
      this.#state = 'blob';
    } else {
      throw new FormatError(`unknown type ${type} of a data block`);
    }
  }

  /** Large objects follow one another; number 0 ends them. */
  #beginBlob(oid: number): void {
    if (oid === 0) {
      this.#state = 'block';
      return;
    }
    this.#blob = { oid, chunks: 0 };
    this.#blobCount++;
    // The object itself counts as a row: an empty one is not nothing.
    this.#blobs.seed(oid, -1);
    this.#blobs.endRow();
    this.#state = 'chunk-length';
  }

  #beginChunk(length: number): void {
    if (length < 0) throw new FormatError(`a chunk of ${length} bytes`);
    if (length === 0) {
      this.#endData();
      return;
    }
    this.#left = length;
    if (this.#blob) this.#blobs.seed(this.#blob.oid, this.#blob.chunks++);
    this.#state = 'chunk';
  }

  #data(bytes: Buffer, view: DataView, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    if (this.#table) this.#table.bytes += end - at;
    else this.#blobBytes += end - at;
    this.#left -= end - at;
    if (this.#left === 0) this.#state = 'chunk-length';
    const { onRows } = this.listener;
    if (this.#table && onRows) {
      onRows(bytes.subarray(at, end));
    } else {
      const hash = this.#table ? this.#table.hash : this.#blobs;
      hash.update(view, at, end);
      if (this.#left === 0) hash.endRow();
    }
    return end;
  }

  #endData(): void {
    if (this.#blob) {
      this.#blob = undefined;
      this.#state = 'blob';
      return;
    }
    if (this.#table) this.#tables.push(tableOf(this.#table));
    this.#table = undefined;
    this.#state = 'block';
  }
}

function tableOf(table: { entry: DataEntry; hash: ContentHash; bytes: number }): TableContent {
  const { entry, hash, bytes } = table;
  return {
    schema: entry.namespace ?? '',
    name: entry.tag,
    columns: /\((.*)\) FROM stdin;\s*$/s.exec(entry.copyStmt ?? '')?.[1] ?? '',
    // One chunk a row, and one more with the line that ends COPY.
    rows: hash.rows - 1,
    bytes,
    content: hash.digest(),
  };
}

function sequenceOf(entry: TocEntry): SequenceContent {
  return { schema: entry.namespace ?? '', name: entry.tag, state: (entry.defn ?? '').trim() };
}

function readInt(bytes: Buffer, at: number): number {
  const value = bytes.readUInt32LE(at + 1);
  return bytes[at] === 0 ? value : -value;
}
