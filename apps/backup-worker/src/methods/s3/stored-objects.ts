import { createHash, type Hash } from 'node:crypto';
import { createWriteStream, type WriteStream } from 'node:fs';
import { once } from 'node:events';
import { paxHeader } from '../../artefact/pax-header.js';
import type { ArtefactWriter } from '../../artefact/artefact-writer.js';
import type { StreamWriter } from '../../artefact/stream-writer.js';
import { paddingOf, TAR_BLOCK } from '../../artefact/tar.js';
import { toBytes, type ByteText } from '../files/byte-text.js';
import { TREE } from '../files/copy-tree.js';
import { LISTING, lineOf, type ListedEntry } from '../files/listing.js';
import { ObjectChanged, type ObjectReader, type ReadObject } from './read-object.js';

/** Instead of the ETag of one that was replaced while it was read: no object has it, so the next backup stores it again. */
const REPLACED = 'replaced';

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
const NAMED = 20;

/** Paths of one kind: how many, and the first of them. */
export class Noted {
  count = 0;
  readonly first: ByteText[] = [];

  add(path: ByteText): void {
    if (this.count++ < NAMED) this.first.push(path);
  }
}

/** Writes the archive of a bucket and, beside it, its listing and what a restore removes first. */
export class StoredObjects {
  readonly counts = { paths: 0, files: 0, folders: 0, bytes: 0, storedPaths: 0, storedBytes: 0 };
  readonly changed = new Noted();
  deleted = 0;
  readonly #tree: StreamWriter;
  readonly #listing: StreamWriter;
  readonly #hash = createHash('sha256');
  readonly #deletions: WriteStream;
  readonly #owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

  /** @param deletions a file that does not exist yet */
  constructor(
    private readonly writer: ArtefactWriter,
    private readonly reader: ObjectReader,
    deletions: string,
    private readonly startedAt: Date,
    private readonly onBytes: (bytes: number) => void,
  ) {
    this.#tree = writer.openStream(TREE);
    this.#listing = writer.openStream(LISTING);
    this.#deletions = createWriteStream(deletions, { flags: 'wx', mode: 0o600 });
    // Told of when it is ended.
    this.#deletions.on('error', () => undefined);
  }

  async folder(path: ByteText): Promise<void> {
    const modifiedAt = Math.floor(this.startedAt.getTime() / 1000) * 1000;
    await this.#tree.write(
      paxHeader({ path: `${path}/`, type: 'folder', size: 0, mode: FOLDER_MODE, ...this.#owner, modifiedAt }),
    );
    this.counts.storedPaths++;
    this.counts.folders++;
    await this.#list({
      path,
      type: 'folder',
      mode: FOLDER_MODE,
      ...this.#owner,
      mtime: nanoseconds(modifiedAt),
      inode: 0n,
    });
  }

  /** As the parent has it. */
  async kept(entry: ListedEntry): Promise<void> {
    this.#count(entry);
    await this.#list(entry);
  }

  async object(path: ByteText, object: ReadObject): Promise<void> {
    const { size, modifiedAt } = object;
    await this.#tree.write(paxHeader({ path, type: 'file', size, mode: FILE_MODE, ...this.#owner, modifiedAt }));
    const hash = createHash('sha256');
    await this.#content(path, object, hash);
    await this.#tree.write(Buffer.alloc(paddingOf(size)));
    this.counts.storedPaths++;
    this.counts.storedBytes += size;
    const entry: ListedEntry = {
      path,
      type: 'file',
      mode: FILE_MODE,
      ...this.#owner,
      size,
      mtime: nanoseconds(modifiedAt),
      sha256: hash.digest('hex'),
      inode: 0n,
      object: object.facts,
    };
    this.#count(entry);
    await this.#list(entry);
  }

  /** A restore of the parent has it, and one of this has not. */
  async gone(path: ByteText): Promise<void> {
    this.deleted++;
    if (!this.#deletions.write(toBytes(`${path}\0`)) && !this.#deletions.errored) await once(this.#deletions, 'drain');
  }

  /** @returns the SHA-256 of the listing */
  async end(): Promise<string> {
    await this.#tree.write(Buffer.alloc(2 * TAR_BLOCK));
    await this.writer.endStream(this.#tree);
    await this.writer.endStream(this.#listing);
    await new Promise<void>((resolve, reject) => {
      this.#deletions.once('error', reject);
      this.#deletions.end(() => resolve());
    });
    return this.#hash.digest('hex');
  }

  abandon(): void {
    this.#deletions.destroy();
  }

  async #content(path: ByteText, object: ReadObject, hash: Hash): Promise<void> {
    let left = object.size;
    const take = async (bytes: Buffer) => {
      left -= bytes.length;
      hash.update(bytes);
      this.onBytes(bytes.length);
      await this.#tree.write(bytes);
    };
    try {
      if (object.content) await take(object.content);
      else for await (const chunk of this.reader.content(object)) await take(chunk);
    } catch (error) {
      if (!(error instanceof ObjectChanged)) throw error;
      // Its size stands in the archive already: the rest is empty, and people are told. The next backup has it whole.
      this.changed.add(path);
      object.facts.etag = REPLACED;
      const zeros = Buffer.alloc(1 << 20);
      for (let padding = left; padding > 0; padding -= zeros.length) await take(zeros.subarray(0, padding));
    }
  }

  #count({ type, size = 0 }: ListedEntry): void {
    if (type !== 'file') return;
    this.counts.files++;
    this.counts.bytes += size;
  }

  async #list(entry: ListedEntry): Promise<void> {
    this.counts.paths++;
    const line = Buffer.from(lineOf(entry));
    this.#hash.update(line);
    await this.#listing.write(line);
  }
}

function nanoseconds(milliseconds: number): bigint {
  return BigInt(milliseconds) * 1_000_000n;
}
