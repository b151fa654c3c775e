import { formatLsn } from '@hozen/dbms';
import { instantText, type Instant } from '../../recovery/instant.js';

/** Resource managers (access/rmgrlist.h), and the kinds of their records that matter here. */
const XLOG = 0;
const TRANSACTION = 1;
const TABLESPACE = 5;
const XLOG_KIND = { mask: 0xf0, switch: 0x40, restorePoint: 0x70 } as const;
const TRANSACTION_KIND = { mask: 0x70, commit: 0x00, abort: 0x20, commitPrepared: 0x30, abortPrepared: 0x40 } as const;
const ENDINGS: ReadonlySet<number> = new Set([
  TRANSACTION_KIND.commit,
  TRANSACTION_KIND.abort,
  TRANSACTION_KIND.commitPrepared,
  TRANSACTION_KIND.abortPrepared,
]);

const HEADER = 24;
const INFO = 16;
const MANAGER = 17;

/** What stands before the main data: each begins with its kind (access/xlogrecord.h, XLR_BLOCK_ID_*). */
const PART = { topTransaction: 252, origin: 253, longData: 254, shortData: 255 } as const;

/** A place that was given a name with `pg_create_restore_point`. */
export interface RestorePoint {
  name: string;
  /** Where the record after it begins. */
  lsn: string;
  /** RFC 3339. */
  at: string;
}

/** When a transaction ended, where the record says so. */
export function transactionTimeOf(record: Buffer): Instant | undefined {
  if (record[MANAGER] !== TRANSACTION || !ENDINGS.has((record[INFO] ?? 0) & TRANSACTION_KIND.mask)) return undefined;
  const data = mainDataOf(record);
  return data && data.length >= 8 ? timeAt(data, 0) : undefined;
}

/** @param end where the next record begins */
export function restorePointOf(record: Buffer, end: bigint): RestorePoint | undefined {
  if (!isXlog(record, XLOG_KIND.restorePoint)) return undefined;
  const data = mainDataOf(record);
  if (!data || data.length < 9) return undefined;
  const zero = data.indexOf(0, 8);
  const name = data.toString('utf8', 8, zero < 0 ? data.length : zero);
  return { name, lsn: formatLsn(end), at: instantText(timeAt(data, 0)) };
}

/** Folder of a tablespace that the record creates. */
export function createdTablespaceOf(record: Buffer): string | undefined {
  if (record[MANAGER] !== TABLESPACE || ((record[INFO] ?? 0) & XLOG_KIND.mask) !== 0) return undefined;
  const data = mainDataOf(record);
  // One without a folder lies in the data directory itself.
  return data && data.length > 5 ? data.toString('utf8', 4, data.length - 1) : undefined;
}

/** The rest of the segment is empty. */
export function isSwitch(record: Buffer): boolean {
  return isXlog(record, XLOG_KIND.switch);
}

function isXlog(record: Buffer, kind: number): boolean {
  return record[MANAGER] === XLOG && ((record[INFO] ?? 0) & XLOG_KIND.mask) === kind;
}

/** Of records without blocks. */
function mainDataOf(record: Buffer): Buffer | undefined {
  for (let at = HEADER; at < record.length;) {
    switch (record[at]) {
      case PART.topTransaction:
        at += 5;
        break;
      case PART.origin:
        at += 3;
        break;
      case PART.longData:
        return record.subarray(at + 5);
      case PART.shortData:
        return record.subarray(at + 2);
      case undefined:
      default:
        return undefined;
    }
  }
  return undefined;
}

/** TimestampTz: microseconds since 2000. */
function timeAt(data: Buffer, at: number): Instant {
  return BigInt(Date.UTC(2000, 0, 1)) * 1000n + data.readBigInt64LE(at);
}
