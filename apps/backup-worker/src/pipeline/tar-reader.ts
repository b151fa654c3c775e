import { paddingOf, readTarHeader, TAR_BLOCK } from '../artefact/tar.js';

export type TarMemberType = 'file' | 'folder' | 'link';

export interface TarMember {
  name: string;
  type: TarMemberType;
  /** Bytes of content. */
  size: number;
  /** Permission bits. */
  mode: number;
  /** Seconds since 1970. */
  modifiedAt: number;
  /** Of a symbolic link. */
  target: string;
}

/** Takes the members of a tar archive as they come. What is given is used again when the call, or its promise, is done. */
export interface TarTaker {
  /** @param header the block as it is in the archive */
  member(member: TarMember, header: Buffer): Promise<void> | undefined;
  content(bytes: Buffer): Promise<void> | undefined;
  memberEnd(): Promise<void> | undefined;
}

const TYPES: Readonly<Record<string, TarMemberType>> = { '0': 'file', '\0': 'file', '2': 'link', '5': 'folder' };

/** Follows an archive of PostgreSQL's (plain ustar), however its bytes are cut. */
export class TarReader {
  readonly #header = Buffer.alloc(TAR_BLOCK);
  #headerBytes = 0;
  #contentLeft = 0;
  #paddingLeft = 0;
  #inMember = false;
  #emptyBlocks = 0;

  constructor(private readonly taker: TarTaker) {}

  /** @throws RangeError with what is wrong with the archive, and what the taker throws */
  push(chunk: Buffer): Promise<void> | undefined {
    return this.#from(chunk, 0);
  }

  /** Bytes that are left of the member that has begun. */
  get left(): number {
    return this.#contentLeft + this.#paddingLeft;
  }

  /** Goes on as if these had come. @param bytes fewer than are left */
  skip(bytes: number): void {
    if (bytes >= this.left) throw new RangeError('more is left out than is left of the member');
    const content = Math.min(bytes, this.#contentLeft);
    this.#contentLeft -= content;
    this.#paddingLeft -= bytes - content;
  }

  /** @throws RangeError when the archive is cut off */
  end(): void {
    if (this.#inMember || this.#headerBytes > 0) throw new RangeError('the tar archive is cut off');
  }

  #from(chunk: Buffer, start: number): Promise<void> | undefined {
    let read = start;
    while (read < chunk.length) {
      let wait: Promise<void> | undefined;
      if (this.#contentLeft > 0) {
        const end = Math.min(chunk.length, read + this.#contentLeft);
        this.#contentLeft -= end - read;
        wait = this.taker.content(chunk.subarray(read, end));
        read = end;
      } else if (this.#paddingLeft > 0) {
        const skipped = Math.min(chunk.length - read, this.#paddingLeft);
        this.#paddingLeft -= skipped;
        read += skipped;
      } else {
        const taken = chunk.copy(this.#header, this.#headerBytes, read, read + TAR_BLOCK - this.#headerBytes);
        this.#headerBytes += taken;
        read += taken;
        if (this.#headerBytes === TAR_BLOCK) wait = this.#begin();
      }
      const ended = this.#inMember && this.#contentLeft === 0 && this.#paddingLeft === 0;
      if (ended) this.#inMember = false;
      if (wait || ended) {
        const next = read;
        const more = wait ? wait.then(() => (ended ? this.taker.memberEnd() : undefined)) : this.taker.memberEnd();
        if (more) return more.then(() => this.#from(chunk, next));
      }
    }
    return undefined;
  }

  #begin(): Promise<void> | undefined {
    this.#headerBytes = 0;
    // Two of them end the archive; PostgreSQL leaves them away where more follows.
    if (this.#header.every((byte) => byte === 0)) {
      this.#emptyBlocks++;
      return undefined;
    }
    if (this.#emptyBlocks > 0) throw new RangeError('something follows the end of the tar archive');
    const member = memberOf(this.#header);
    this.#inMember = true;
    this.#contentLeft = member.size;
    this.#paddingLeft = paddingOf(member.size);
    return this.taker.member(member, this.#header);
  }
}

function memberOf(header: Buffer): TarMember {
  const { name, size } = readTarHeader(header);
  const type = TYPES[header.toString('latin1', 156, 157)];
  if (!type) throw new RangeError(`${name} is neither file nor folder nor link`);
  const octal = (offset: number, bytes: number) =>
    Number.parseInt(header.toString('latin1', offset, offset + bytes), 8);
  return {
    name,
    type,
    size: type === 'file' ? size : 0,
    mode: octal(100, 8) & 0o7777,
    modifiedAt: octal(136, 12),
    target: textAt(header, 157, 100),
  };
}

function textAt(header: Buffer, offset: number, bytes: number): string {
  const text = header.toString('utf8', offset, offset + bytes);
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}
