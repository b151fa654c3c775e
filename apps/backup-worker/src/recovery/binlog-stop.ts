import type { RecoveryPoint } from '@hozen/contracts';
import { gtidText, numberOf, parseGtid, parsePlace } from '../methods/mariadb-binlog/binlog-place.js';
import type { BinlogGroup, Gtid } from '../methods/mariadb-binlog/binlog-reader.js';
import { parseInstant } from './instant.js';

/** Says of each transaction, in the order of the log, whether it comes after a point. From the first one that does, nothing is replayed. */
export type IsBeyond = (file: string, group: BinlogGroup) => boolean;

/**
 * @param reached the GTIDs that the copy has already
 * @throws RangeError when the point is none of a binary log
 */
export function beyond(point: RecoveryPoint, reached: readonly Gtid[]): IsBeyond {
  if (point.latest) return () => false;
  if (point.time !== undefined) return beyondTime(point.time);
  if (point.position !== undefined) return beyondPlace(point.position);
  if (point.gtid !== undefined) return beyondGtid(point.gtid, reached);
  throw new RangeError('the point is none of a binary log');
}

/** The log knows whole seconds. What was committed within the second that was asked for may have come after: it is left out. */
function beyondTime(time: string): IsBeyond {
  const second = Number(parseInstant(time) / 1_000_000n);
  return (_, { at }) => at >= second;
}

function beyondPlace(text: string): IsBeyond {
  const { file: wanted, position } = parsePlace(text);
  return (file, { end }) => (file === wanted ? end > position : numberOf(file) > numberOf(wanted));
}

function beyondGtid(text: string, reached: readonly Gtid[]): IsBeyond {
  const wanted = parseGtid(text);
  let isPast = reached.some((gtid) => gtidText(gtid) === text);
  return (_, { gtid }) => {
    if (isPast) return true;
    if (!gtid) throw new RangeError(`the transactions of the log have no such GTIDs as ${text}`);
    isPast = gtidText(gtid) === text;
    if (!isPast && gtid.domain === wanted.domain && gtid.sequence >= wanted.sequence) {
      throw new RangeError(`the log has ${gtidText(gtid)}, and no ${text}`);
    }
    return false;
  };
}
