import { formatLsn, walFileName } from '@hozen/dbms';
import type { ArtefactWriter } from '../../artefact/artefact-writer.js';
import { loadCrc32c, type Crc32c } from '../../artefact/crc32c.js';
import type { WalRange } from '../../artefact/manifest.js';
import type { StreamWriter } from '../../artefact/stream-writer.js';
import type { Instant } from '../../recovery/instant.js';
import { later, WalReader } from './wal-reader.js';
import type { RestorePoint } from './wal-records.js';

/** Name of the stream that holds a piece of a WAL file: the file, and where in it the piece begins. */
export function pieceName(timeline: number, lsn: bigint, segmentBytes: number): string {
  const offset = Number(lsn % BigInt(segmentBytes));
  return `wal/${walFileName(timeline, lsn, segmentBytes)}.${offset.toString(16).toUpperCase().padStart(8, '0')}`;
}

/** Writes WAL into an artefact, a stream for each of its files, and looks at every record on the way. */
export class LogPieces {
  readonly ranges: WalRange[] = [];
  readonly restorePoints: RestorePoint[] = [];
  records = 0;
  lastTransactionAt: Instant | undefined;
  readonly tablespaces: string[] = [];
  #reader: WalReader | undefined;
  #timeline = 0;
  #start = 0n;
  #piece: StreamWriter | undefined;
  #wholeUntil: bigint;

  private constructor(
    private readonly writer: ArtefactWriter,
    private readonly segmentBytes: number,
    private readonly crc32c: Crc32c,
    start: bigint,
  ) {
    this.#wholeUntil = start;
  }

  static async into(writer: ArtefactWriter, segmentBytes: number, start: bigint): Promise<LogPieces> {
    return new LogPieces(writer, segmentBytes, await loadCrc32c(), start);
  }

  /** All records before this are whole. */
  get wholeUntil(): bigint {
    return this.#reader?.wholeUntil ?? this.#wholeUntil;
  }

  /** WAL of a timeline begins. @param start the beginning of a page */
  begin(timeline: number, start: bigint): void {
    this.#timeline = timeline;
    this.#start = start;
    this.#reader = new WalReader(start, this.segmentBytes, this.crc32c);
  }

  /** @throws RangeError where it is no WAL */
  async push(bytes: Buffer): Promise<void> {
    const reader = this.#reader;
    if (!reader) throw new Error('nothing has begun');
    for (let at = 0; at < bytes.length;) {
      const left = this.segmentBytes - Number(reader.lsn % BigInt(this.segmentBytes));
      const piece = bytes.subarray(at, at + left);
      this.#piece ??= this.writer.openStream(pieceName(this.#timeline, reader.lsn, this.segmentBytes));
      // The writer copies it.
      const writing = this.#piece.write(piece);
      reader.push(piece);
      await writing;
      at += piece.length;
      if (piece.length === left) await this.#endPiece();
    }
  }

  /** The timeline's part of the log is over. */
  async end(): Promise<void> {
    await this.#endPiece();
    const reader = this.#reader;
    if (!reader) return;
    const [startLsn, endLsn] = [formatLsn(this.#start), formatLsn(reader.lsn)];
    this.ranges.push({ timeline: this.#timeline, startLsn, endLsn });
    this.#wholeUntil = reader.wholeUntil ?? this.#wholeUntil;
    this.records += reader.records;
    this.restorePoints.push(...reader.restorePoints);
    const { lastTransactionAt: last } = reader;
    if (last !== undefined) this.lastTransactionAt = later(last, this.lastTransactionAt);
    this.tablespaces.push(...reader.tablespaces);
    this.#reader = undefined;
  }

  async #endPiece(): Promise<void> {
    if (this.#piece) await this.writer.endStream(this.#piece);
    this.#piece = undefined;
  }
}
