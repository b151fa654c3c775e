import type { StreamWriter } from '../../artefact/stream-writer.js';
import { paddingOf, renameTarEntry, TAR_BLOCK } from '../../artefact/tar.js';
import { TarReader, type TarMember, type TarTaker } from '../../pipeline/tar-reader.js';
import { listedPath, type ListedFile } from './backup-manifest.js';
import type { ChangedPages } from './changed-pages.js';
import { INCREMENTAL_PREFIX, incrementalHeadBytes, PAGE_BYTES, writeIncrementalHead } from './incremental-file.js';

const ZEROS = Buffer.alloc(2 * TAR_BLOCK);

/** Main forks of relations: the only files whose pages all have an LSN that tells of every change. */
const RELATION = /^(?:(?:base|PG_[^/]+)\/\d+|global)\/\d+(?:\.\d+)?$/;

/** What is left out because an earlier backup has it. */
export interface Unchanged {
  pages: ChangedPages;
  /** Files of the earlier backup: only their pages can be left out. */
  files: ReadonlyMap<string, ListedFile>;
}

/** Carries one archive of a base backup into a stream of the artefact. */
export class ArchiveCopy implements TarTaker {
  readonly #reader = new TarReader(this);
  readonly #header = Buffer.alloc(TAR_BLOCK);
  #member: TarMember | undefined;
  #padding = 0;

  /**
   * @param name `base.tar`, or `<oid>.tar`
   * @param unchanged without it everything is kept
   */
  constructor(
    private readonly name: string,
    readonly stream: StreamWriter,
    private readonly unchanged?: Unchanged,
  ) {}

  push(bytes: Buffer): Promise<void> | undefined {
    return this.#reader.push(bytes);
  }

  /** The end of the archive, which the server leaves to its clients. */
  async end(): Promise<void> {
    this.#reader.end();
    await this.stream.write(ZEROS);
  }

  member(member: TarMember, header: Buffer): Promise<void> | undefined {
    this.#padding = paddingOf(member.size);
    if (member.type !== 'file' || !this.#isDivided(member)) return this.stream.write(header);
    header.copy(this.#header);
    this.#member = member;
    return undefined;
  }

  /** Whether all of the current member is kept: its content may be read straight into {@link stream}, and is not given then. */
  get isWhole(): boolean {
    return this.#member === undefined;
  }

  /**
   * A file as the earlier backup has it, where only its changed pages would be kept: if there are none, its content need
   * not be given.
   */
  earlier(name: string, size: number): ListedFile | undefined {
    const earlier = this.#isDivided({ name, size })
      ? this.unchanged?.files.get(listedPath(this.name, name))
      : undefined;
    return earlier?.bytes === size ? earlier : undefined;
  }

  /** Leaves out all pages of the current member: its content is not given. */
  leaveOutAll(): void {
    if (this.#member) this.unchanged?.pages.leaveOut(this.#member.size / PAGE_BYTES);
  }

  /** The pages of the current member, where more of them are kept than fit in memory. */
  get largePages(): ChangedPages | undefined {
    const pages = this.#member && this.unchanged?.pages;
    return pages?.isLarge ? pages : undefined;
  }

  /** Begins the current member again, whole. Its content comes once more from the beginning. */
  async beginAgainWhole(): Promise<void> {
    this.#member = undefined;
    await this.unchanged?.pages.reset();
    await this.stream.write(this.#header);
  }

  content(bytes: Buffer): Promise<void> | undefined {
    return this.#member && this.unchanged ? this.unchanged.pages.push(bytes) : this.stream.write(bytes);
  }

  memberEnd(): Promise<void> | undefined {
    if (this.#member && this.unchanged) return this.#writeChanged(this.#member, this.unchanged.pages);
    return this.#padding > 0 ? this.stream.write(ZEROS.subarray(0, this.#padding)) : undefined;
  }

  #isDivided({ name, size }: Pick<TarMember, 'name' | 'size'>): boolean {
    if (!this.unchanged || size === 0 || size % PAGE_BYTES !== 0 || !RELATION.test(name)) return false;
    return this.unchanged.files.has(listedPath(this.name, name));
  }

  async #writeChanged({ name }: TarMember, pages: ChangedPages): Promise<void> {
    this.#member = undefined;
    const { numbers } = pages;
    const size = incrementalHeadBytes(numbers.length) + numbers.length * PAGE_BYTES;
    renameTarEntry(this.#header, { name: name.replace(/[^/]+$/, `${INCREMENTAL_PREFIX}$&`), size });
    await this.stream.write(this.#header);
    await this.stream.write(writeIncrementalHead({ pages: numbers, length: pages.length }));
    for await (const bytes of pages.content()) await this.stream.write(bytes);
    await this.stream.write(ZEROS.subarray(0, paddingOf(size)));
    await pages.reset();
  }
}
