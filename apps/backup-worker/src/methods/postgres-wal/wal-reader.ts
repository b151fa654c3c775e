import { formatLsn } from '@hozen/dbms';
import type { Crc32c } from '../../artefact/crc32c.js';
import type { Instant } from '../../recovery/instant.js';
import { createdTablespaceOf, isSwitch, restorePointOf, transactionTimeOf, type RestorePoint } from './wal-records.js';

export const WAL_PAGE_BYTES = 8192;

/** XLogPageHeaderData (access/xlog_internal.h); the first page of a segment has the long one. */
const PAGE_HEADER = { info: 2, address: 8, remaining: 16, bytes: 24, longBytes: 40 } as const;
const FIRST_IS_CONTINUED = 0x01;
const LONG_HEADER = 0x02;
const FIRST_IS_OVERWRITTEN = 0x08;

/** XLogRecord (access/xlogrecord.h): its checksum is of what follows it, and then of what is before the checksum. */
const RECORD = { header: 24, beforeCrc: 20 } as const;
/** More of a record than this is never looked into. */
const LOOKED_AT = 512;
/** XLogRecordMaxSize, and what older servers made at most. */
const LONGEST = 0x4000_0000;

/**
 * Reads WAL as its bytes come: every page must be the one that belongs to its place, and the checksum of every record
 * right. The layout is the same for PostgreSQL 13 to 18.
 */
export class WalReader {
  /** Records that began at or after the start and are whole. */
  records = 0;
  /** Greatest time of a commit or rollback. */
  lastTransactionAt: Instant | undefined;
  readonly restorePoints: RestorePoint[] = [];
  /** Folders of tablespaces that are created in it. */
  readonly tablespaces: string[] = [];
  #lsn: bigint;
  /** Everything before this is in whole records; undefined while none has been seen to begin. */
  #wholeUntil: bigint | undefined;
  readonly #header = Buffer.alloc(PAGE_HEADER.longBytes);
  /** Bytes of the page so far. */
  #inPage = 0;
  #headerBytes: number = PAGE_HEADER.bytes;
  /** Bytes of the page's content that are of no interest: the rest of a record, or room up to the next one. */
  #skip = 0;
  /** Of a record that began before the start: bytes that follow, padding not among them. */
  #foreign = 0;
  /** Up to here there is nothing: the segment was left early. */
  #emptyUntil: bigint | undefined;
  readonly #record = Buffer.alloc(LOOKED_AT);
  #recordBytes = 0;
  #recordTotal = 0;
  #recordAt: bigint;
  #crc = 0;

  /** @param start the beginning of a page */
  constructor(
    start: bigint,
    private readonly segmentBytes: number,
    private readonly crc32c: Crc32c,
  ) {
    if (start % BigInt(WAL_PAGE_BYTES) !== 0n) throw new RangeError(`${formatLsn(start)} is not the start of a page`);
    this.#lsn = start;
    this.#recordAt = start;
  }

  /** Where the bytes so far end. */
  get lsn(): bigint {
    return this.#lsn;
  }

  /** Where the first record begins that is not whole yet. */
  get wholeUntil(): bigint | undefined {
    return this.#wholeUntil;
  }

  /** @throws RangeError with what is wrong, and where */
  push(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      const taken = this.#take(bytes, at);
      at += taken;
      this.#lsn += BigInt(taken);
      this.#inPage = (this.#inPage + taken) % WAL_PAGE_BYTES;
      if (this.#lsn === this.#emptyUntil) this.#leaveEmpty();
    }
  }

  /** @returns bytes that were taken: at least one */
  #take(bytes: Buffer, at: number): number {
    const there = bytes.length - at;
    if (this.#emptyUntil !== undefined) return Math.min(there, Number(this.#emptyUntil - this.#lsn));
    if (this.#inPage < this.#headerBytes) return this.#takeHeader(bytes, at);
    const room = Math.min(there, WAL_PAGE_BYTES - this.#inPage);
    if (this.#foreign > 0) return this.#takeForeign(Math.min(room, this.#foreign));
    if (this.#skip > 0) {
      const taken = Math.min(room, this.#skip);
      this.#skip -= taken;
      return taken;
    }
    if (this.#recordBytes < 4) return this.#beginRecord(bytes, at, Math.min(room, 4 - this.#recordBytes));
    const taken = Math.min(room, this.#recordTotal - this.#recordBytes);
    this.#addToRecord(bytes, at, at + taken);
    if (this.#recordBytes === this.#recordTotal) this.#endRecord(this.#lsn + BigInt(taken));
    return taken;
  }

  #takeHeader(bytes: Buffer, at: number): number {
    if (this.#inPage === 0) this.#headerBytes = PAGE_HEADER.bytes;
    const taken = bytes.copy(this.#header, this.#inPage, at, at + this.#headerBytes - this.#inPage);
    const filled = this.#inPage + taken;
    if (filled === PAGE_HEADER.bytes && this.#headerBytes === PAGE_HEADER.bytes) {
      if (this.#header.readUInt16LE(PAGE_HEADER.info) & LONG_HEADER) this.#headerBytes = PAGE_HEADER.longBytes;
    }
    if (filled === this.#headerBytes) this.#beginPage(this.#lsn - BigInt(this.#inPage));
    return taken;
  }

  #beginPage(page: bigint): void {
    const address = this.#header.readBigUInt64LE(PAGE_HEADER.address);
    if (address !== page) throw new RangeError(`the page at ${formatLsn(page)} says that it is ${formatLsn(address)}`);
    const info = this.#header.readUInt16LE(PAGE_HEADER.info);
    const remaining = info & FIRST_IS_CONTINUED ? this.#header.readUInt32LE(PAGE_HEADER.remaining) : 0;
    if (info & FIRST_IS_OVERWRITTEN) {
      // The server fell over in the middle of that record, and has begun anew.
      this.#recordBytes = 0;
      this.#foreign = 0;
      this.#skip = 0;
    } else if (this.#wholeUntil === undefined && this.#foreign === 0 && this.#recordBytes === 0) {
      this.#foreign = remaining;
    } else {
      const expected = this.#recordBytes > 0 ? this.#recordTotal - this.#recordBytes : this.#foreign;
      if (remaining !== expected) {
        throw new RangeError(`the page at ${formatLsn(page)} goes on with ${remaining} bytes instead of ${expected}`);
      }
    }
    if (this.#foreign === 0 && this.#recordBytes === 0) this.#wholeUntil ??= page + BigInt(this.#headerBytes);
  }

  #takeForeign(taken: number): number {
    this.#foreign -= taken;
    if (this.#foreign === 0) this.#alignAfter(this.#lsn + BigInt(taken));
    return taken;
  }

  #beginRecord(bytes: Buffer, at: number, taken: number): number {
    if (this.#recordBytes === 0) {
      this.#recordAt = this.#lsn;
      this.#crc = 0;
    }
    this.#recordBytes += bytes.copy(this.#record, this.#recordBytes, at, at + taken);
    if (this.#recordBytes < 4) return taken;
    this.#recordTotal = this.#record.readUInt32LE(0);
    if (this.#recordTotal < RECORD.header || this.#recordTotal > LONGEST) {
      throw new RangeError(`no record at ${formatLsn(this.#recordAt)}: its length would be ${this.#recordTotal}`);
    }
    return taken;
  }

  #addToRecord(bytes: Buffer, from: number, to: number): void {
    if (this.#recordBytes < LOOKED_AT) bytes.copy(this.#record, this.#recordBytes, from, to);
    const summedFrom = from + Math.max(0, RECORD.header - this.#recordBytes);
    if (summedFrom < to) this.#crc = this.crc32c(bytes.subarray(summedFrom, to), this.#crc);
    this.#recordBytes += to - from;
  }

  #endRecord(end: bigint): void {
    const crc = this.crc32c(this.#record.subarray(0, RECORD.beforeCrc), this.#crc);
    if (crc !== this.#record.readUInt32LE(RECORD.beforeCrc)) {
      throw new RangeError(`the checksum of the record at ${formatLsn(this.#recordAt)} is wrong`);
    }
    const record = this.#record.subarray(0, Math.min(this.#recordTotal, LOOKED_AT));
    this.records++;
    this.#recordBytes = 0;
    this.#alignAfter(end);
    const at = transactionTimeOf(record);
    if (at !== undefined) this.lastTransactionAt = later(at, this.lastTransactionAt);
    const tablespace = createdTablespaceOf(record);
    if (tablespace !== undefined) this.tablespaces.push(tablespace);
    const point = restorePointOf(record, this.#wholeUntil ?? end);
    if (point) this.restorePoints.push(point);
    if (!isSwitch(record)) return;
    const segment = BigInt(this.segmentBytes);
    const next = ((end + segment - 1n) / segment) * segment;
    if (next > end) this.#emptyUntil = next;
  }

  /** Records begin at multiples of 8. */
  #alignAfter(end: bigint): void {
    this.#skip = Number(-end & 7n);
    this.#wholeUntil = end + BigInt(this.#skip);
  }

  #leaveEmpty(): void {
    this.#emptyUntil = undefined;
    this.#skip = 0;
    this.#wholeUntil = this.#lsn;
  }
}

export function later(one: Instant, other: Instant | undefined): Instant {
  return other === undefined || one > other ? one : other;
}
