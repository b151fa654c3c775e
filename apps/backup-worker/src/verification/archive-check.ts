import { crc32cText, type Crc32c } from '../artefact/crc32c.js';
import { listedPath, type ListedFile } from '../methods/postgres-physical/backup-manifest.js';
import { IncrementalHeadReader, PAGE_BYTES, wholePath } from '../methods/postgres-physical/incremental-file.js';
import { TarReader, type TarMember, type TarTaker } from '../pipeline/tar-reader.js';

/** Files that are in an archive although no list has them: WAL, and what the server keeps for archiving it. */
const UNLISTED = /^pg_wal\//;

/** The list of the server's files, and which of them have come by. */
export class ListedFiles {
  readonly #files: Map<string, ListedFile>;

  constructor(files: readonly ListedFile[]) {
    this.#files = new Map(files.map((file) => [file.path, file]));
  }

  /** @returns undefined for one that is not listed, or was taken already */
  take(path: string): ListedFile | undefined {
    const file = this.#files.get(path);
    this.#files.delete(path);
    return file;
  }

  /** @throws RangeError when one of them did not come by */
  end(): void {
    const [missing] = this.#files.keys();
    if (missing !== undefined) throw new RangeError(`the file ${missing} is missing`);
  }
}

/** Follows an archive of the server's files, and compares each with the list. Throws RangeError with what is wrong. */
export class ArchiveCheck implements TarTaker {
  readonly #reader = new TarReader(this);
  #member: (TarMember & { listed: ListedFile | undefined }) | undefined;
  #crc = 0;
  #head: IncrementalHeadReader | undefined;

  constructor(
    private readonly name: string,
    private readonly list: ListedFiles,
    private readonly crc32c: Crc32c,
  ) {}

  push(bytes: Buffer): void {
    // Nothing here waits.
    void this.#reader.push(bytes);
  }

  end(): void {
    this.#reader.end();
  }

  member(member: TarMember): undefined {
    this.#crc = 0;
    this.#head = undefined;
    if (member.type !== 'file') {
      this.#member = undefined;
      return;
    }
    const path = listedPath(this.name, member.name);
    const whole = wholePath(path);
    // The server lists what it sent; where we left pages out, the list has the whole file.
    const asSent = this.list.take(path);
    const listed = asSent ?? this.list.take(whole);
    if (!listed && !UNLISTED.test(path)) throw new RangeError(`the file ${path} is not in backup_manifest`);
    if (asSent && asSent.bytes !== member.size) {
      throw new RangeError(`the file ${path} has ${member.size} bytes instead of ${asSent.bytes}`);
    }
    if (path !== whole) this.#head = new IncrementalHeadReader();
    this.#member = { ...member, listed: asSent };
  }

  content(bytes: Buffer): undefined {
    if (this.#member?.listed?.crc32c !== undefined) this.#crc = this.crc32c(bytes, this.#crc);
    this.#head?.push(bytes);
  }

  memberEnd(): undefined {
    if (!this.#member) return;
    const { name, size, listed } = this.#member;
    if (listed?.crc32c !== undefined && crc32cText(this.#crc) !== listed.crc32c) {
      throw new RangeError(`the checksum of the file ${name} is wrong`);
    }
    if (!this.#head) return;
    const { head } = this.#head;
    if (!head || size !== this.#head.bytes + head.pages.length * PAGE_BYTES) {
      throw new RangeError(`the incremental file ${name} is not whole`);
    }
  }
}
