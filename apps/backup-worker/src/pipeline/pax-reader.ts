import { checkTarHeader, paddingOf, TAR_BLOCK } from '../artefact/tar.js';
import { paxMember, parsePax, type PaxMember, type PaxRecords } from './pax-member.js';
import { SparseMap } from './sparse-map.js';

/** Takes the members of an archive as they come. What is given is used again when the call, or its promise, is done. */
export interface PaxTaker {
  member(member: PaxMember): void;
  /** Of a file, holes and all. */
  content(bytes: Buffer): void;
  memberEnd(): Promise<void> | undefined;
}

/** Bytes of a pax header or a long name, at most: extended attributes stand in it. */
const LARGEST_META = 64 * 1024 * 1024;
const ZEROS = Buffer.alloc(1024 * 1024);
/** Pieces of a hole after which others have their turn. */
const TURN = 64;

/** Follows an archive that GNU tar wrote (`--format=posix` or `gnu`, sparse files as 1.0), however its bytes are cut. */
export class PaxReader {
  #gathering: 'header' | 'meta' | 'map' = 'header';
  #wanted = TAR_BLOCK;
  #pieces: Buffer[] = [];
  #held = 0;
  #metaType = '';
  #metaBytes = 0;
  #records: PaxRecords = new Map();
  #member: PaxMember | undefined;
  #map: SparseMap | undefined;
  /** Bytes of content as they stand in the archive. */
  #contentLeft = 0;
  #paddingLeft = 0;
  /** Bytes of content that were handed over. */
  #position = 0;
  #emptyBlocks = 0;

  constructor(private readonly taker: PaxTaker) {}

  /** @throws RangeError with what is wrong with the archive, and what the taker throws */
  async push(chunk: Buffer): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      if (this.#contentLeft > 0 && this.#gathering === 'header') {
        const end = Math.min(chunk.length, at + this.#contentLeft);
        this.#contentLeft -= end - at;
        await this.#content(chunk.subarray(at, end));
        at = end;
        if (this.#contentLeft === 0) await this.#end();
      } else if (this.#paddingLeft > 0 && this.#gathering === 'header') {
        const skipped = Math.min(chunk.length - at, this.#paddingLeft);
        this.#paddingLeft -= skipped;
        at += skipped;
      } else {
        const end = Math.min(chunk.length, at + this.#wanted - this.#held);
        this.#pieces.push(Buffer.from(chunk.subarray(at, end)));
        this.#held += end - at;
        at = end;
        if (this.#held === this.#wanted) await this.#gathered();
      }
    }
  }

  /** @throws RangeError when the archive is cut off */
  end(): void {
    if (this.#emptyBlocks === 0 || this.#member || this.#held > 0) throw new RangeError('the tar archive is cut off');
  }

  async #gathered(): Promise<void> {
    const bytes = Buffer.concat(this.#pieces);
    const gathering = this.#gathering;
    this.#gather('header', TAR_BLOCK);
    if (gathering === 'header') return this.#header(bytes);
    if (gathering === 'meta') return this.#meta(bytes);
    return this.#mapBlock(bytes);
  }

  #gather(what: 'header' | 'meta' | 'map', bytes: number): void {
    this.#pieces = [];
    this.#held = 0;
    this.#gathering = what;
    this.#wanted = bytes;
  }

  async #header(block: Buffer): Promise<void> {
    // Two of them end the archive, and more fill its last record.
    if (block.every((byte) => byte === 0)) {
      this.#emptyBlocks++;
      return;
    }
    if (this.#emptyBlocks > 0) throw new RangeError('something follows the end of the tar archive');
    checkTarHeader(block);
    const type = block.toString('latin1', 156, 157);
    const member = paxMember(block, this.#records);
    if ('xgLK'.includes(type)) {
      if (member.storedBytes > LARGEST_META) throw new RangeError(`a header of ${member.storedBytes} bytes`);
      this.#metaType = type;
      this.#metaBytes = member.storedBytes;
      if (member.storedBytes > 0) this.#gather('meta', member.storedBytes + paddingOf(member.storedBytes));
      return;
    }
    this.#records = new Map();
    await this.#begin(member);
  }

  #meta(padded: Buffer): void {
    const bytes = padded.subarray(0, this.#metaBytes);
    if (this.#metaType === 'x') {
      for (const [key, value] of parsePax(bytes)) this.#records.set(key, value);
    } else if (this.#metaType !== 'g') {
      this.#records.set(this.#metaType === 'L' ? 'path' : 'linkpath', bytes.toString('latin1').replace(/\0+$/, ''));
    }
  }

  async #begin(member: PaxMember): Promise<void> {
    this.#member = member;
    this.#position = 0;
    this.#contentLeft = member.storedBytes;
    this.#paddingLeft = paddingOf(member.storedBytes);
    this.#map = member.isSparse ? new SparseMap() : undefined;
    this.taker.member(member);
    if (this.#map) this.#gather('map', TAR_BLOCK);
    else if (this.#contentLeft === 0) await this.#end();
  }

  async #mapBlock(block: Buffer): Promise<void> {
    this.#contentLeft -= TAR_BLOCK;
    if (this.#contentLeft < 0) throw new RangeError('the map of a sparse file is cut off');
    if (!this.#map?.push(block)) {
      this.#gather('map', TAR_BLOCK);
      return;
    }
    if (this.#map.storedBytes !== this.#contentLeft) throw new RangeError('the map of a sparse file is wrong');
    if (this.#contentLeft === 0) await this.#end();
  }

  async #content(bytes: Buffer): Promise<void> {
    if (!this.#map) return this.taker.content(bytes);
    for (let at = 0; at < bytes.length;) {
      const { hole, data } = this.#map.next(bytes.length - at);
      await this.#zeros(hole);
      this.#position += data;
      this.taker.content(bytes.subarray(at, at + data));
      at += data;
    }
  }

  async #zeros(count: number): Promise<void> {
    this.#position += count;
    for (let left = count, piece = 1; left > 0; left -= ZEROS.length, piece++) {
      this.taker.content(left < ZEROS.length ? ZEROS.subarray(0, left) : ZEROS);
      if (piece % TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #end(): Promise<void> {
    const member = this.#member;
    if (member && this.#map) {
      if (this.#position > member.size) throw new RangeError('a sparse file is longer than it says');
      await this.#zeros(member.size - this.#position);
    }
    this.#member = undefined;
    this.#map = undefined;
    await this.taker.memberEnd();
  }
}
