/** A place in a binary log: the number of the file, and where in it. */
export interface BinlogPlace {
  file: string;
  position: number;
}

/** One transaction, or one statement that is its own. */
export interface BinlogGroup {
  /** Of MariaDB. Those of MySQL are told apart by their places alone. */
  gtid?: Gtid;
  /** Seconds since 1970, by the server's clock: when the last statement of it began, and how long it took where that is known. */
  at: number;
  /** Where its first event begins, and its last one ends. */
  start: number;
  end: number;
  /** A database or table of it whose name has a line feed, the first one. */
  brokenName?: string;
  /** Its events are compressed as one: it is not known what they name. */
  isPayload?: true;
}

/** Of MariaDB, `0-1-4711`: domain, server, number. */
export interface Gtid {
  domain: number;
  server: number;
  sequence: bigint;
}

/** Events that we look into; https://mariadb.com/kb/en/2-binlog-event-header/ and MySQL's enum Log_event_type */
const QUERY = 2;
const TABLE_MAP = 19;
const QUERY_COMPRESSED = 165;
const GTID = 162;
const GTID_LIST = 163;
/** Of MySQL a transaction begins with its GTID, tagged or not, or with the remark that it has none. */
const BEGINS = new Set([GTID, 33, 34, 42]);
/** A transaction of MySQL whose events are compressed. */
const PAYLOAD = 40;
/** What stands between transactions: the end of a file (STOP, ROTATE), its beginning, a checkpoint, the list of GTIDs (35 with MySQL). */
const BETWEEN = new Set([3, 4, 15, 35, 161, GTID_LIST, 164]);

const MAGIC = Buffer.from([0xfe, 0x62, 0x69, 0x6e]);
const HEADER_BYTES = 19;
/** Of a GTID or a query event after its header. */
const HEAD_BYTES = 13;
/** Of a table map before its names, and two names of 255 bytes at most, each with its length and a zero. */
const TABLE_BYTES = 8;
const NAMES_BYTES = 514;
/** A list of GTIDs is kept whole. It has 16 bytes for each domain and server. */
const LIST_BYTES = 64 << 20;

/** A file is no binary log, or cut off. */
export class BinlogFormatError extends Error {}

/** Reads a file of a binary log as it comes, for what lies where. Content is passed over: nothing but heads of events is kept. */
export class BinlogReader {
  /** The last GTID of each domain before the file, and in the end. */
  readonly before = new Map<number, Gtid>();
  readonly gtids = new Map<number, Gtid>();
  /** When its first event was written. */
  beginsAt: number | undefined;
  lastGroup: BinlogGroup | undefined;
  #position = 0;
  #head: Buffer = Buffer.alloc(0);
  /** Bytes of the head that is being read; the event's end. */
  #wanted = MAGIC.length;
  #eventEnd = 0;
  #group: BinlogGroup | undefined;

  /** @param onGroup is told of each transaction when it is whole */
  constructor(private readonly onGroup: (group: BinlogGroup) => void = () => undefined) {}

  /** @param chunk is not kept @throws BinlogFormatError */
  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) {
      if (this.#wanted === 0) {
        // The rest of an event, which says nothing to us.
        const rest = Math.min(this.#eventEnd - this.#position, chunk.length - at);
        this.#position += rest;
        at += rest;
        if (this.#position === this.#eventEnd) this.#wanted = HEADER_BYTES;
        continue;
      }
      const part = chunk.subarray(at, at + this.#wanted - this.#head.length);
      this.#head = Buffer.concat([this.#head, part]);
      this.#position += part.length;
      at += part.length;
      if (this.#head.length === this.#wanted) this.#takeHead();
    }
  }

  /** @throws BinlogFormatError when it is cut off */
  end(): void {
    if (this.#wanted !== HEADER_BYTES || this.#head.length > 0) throw new BinlogFormatError('it is cut off');
    this.#endGroup();
  }

  #takeHead(): void {
    const head = this.#head;
    if (this.#wanted === MAGIC.length) {
      if (!head.equals(MAGIC)) throw new BinlogFormatError('it is no binary log');
      return this.#next(HEADER_BYTES);
    }
    const bytes = head.readUInt32LE(9);
    const start = this.#position - head.length;
    this.#eventEnd = start + bytes;
    if (bytes < HEADER_BYTES) throw new BinlogFormatError(`the event at ${start} has no length`);
    const type = head[4] ?? 0;
    const wanted = Math.min(bytes, wantedOf(type, bytes, head));
    // Once more, with what stands after the header.
    if (head.length < wanted) {
      this.#wanted = wanted;
      return;
    }
    this.#takeEvent(type, start, head);
    this.#next(0);
    if (this.#position === this.#eventEnd) this.#wanted = HEADER_BYTES;
  }

  #next(wanted: number): void {
    this.#head = Buffer.alloc(0);
    this.#wanted = wanted;
  }

  #takeEvent(type: number, start: number, head: Buffer): void {
    const at = head.readUInt32LE(0);
    this.beginsAt ??= at;
    const begins = BEGINS.has(type);
    if (begins || BETWEEN.has(type)) this.#endGroup();
    if (begins) this.#group = { ...(type === GTID ? { gtid: gtidIn(head) } : {}), at, start, end: this.#eventEnd };
    if (type === GTID_LIST) this.#takeList(listIn(head));
    if (!this.#group) return;
    if (type === PAYLOAD) this.#group.isPayload = true;
    const brokenName = namesIn(type, head).find((name) => name.includes('\n'));
    if (brokenName !== undefined) this.#group.brokenName ??= brokenName;
    const took = type === QUERY || type === QUERY_COMPRESSED ? head.readUInt32LE(HEADER_BYTES + 4) : 0;
    this.#group.at = Math.max(this.#group.at, at + took);
    this.#group.end = this.#eventEnd;
  }

  #takeList(gtids: readonly Gtid[]): void {
    for (const gtid of gtids) {
      if (!this.lastGroup) this.before.set(gtid.domain, gtid);
      this.gtids.set(gtid.domain, gtid);
    }
  }

  #endGroup(): void {
    const group = this.#group;
    if (!group) return;
    this.#group = undefined;
    if (group.gtid) this.gtids.set(group.gtid.domain, group.gtid);
    this.lastGroup = group;
    this.onGroup(group);
  }
}

/** @param head of the event, as far as it is read */
function wantedOf(type: number, bytes: number, head: Buffer): number {
  if (type === GTID) return HEADER_BYTES + HEAD_BYTES;
  if (type === QUERY || type === QUERY_COMPRESSED) return queryBytes(head);
  if (type === TABLE_MAP) return HEADER_BYTES + TABLE_BYTES + NAMES_BYTES;
  if (type !== GTID_LIST) return HEADER_BYTES;
  if (bytes > LIST_BYTES) throw new BinlogFormatError('its list of GTIDs is too long');
  return bytes;
}

/** Up to the name of its default database, which follows its variables. */
function queryBytes(head: Buffer): number {
  const begin = HEADER_BYTES + HEAD_BYTES;
  if (head.length < begin) return begin;
  return begin + head.readUInt16LE(HEADER_BYTES + 11) + (head[HEADER_BYTES + 8] ?? 0);
}

/** Databases and tables that the head of an event names. */
function namesIn(type: number, head: Buffer): string[] {
  if (type === QUERY || type === QUERY_COMPRESSED) {
    return [head.toString('utf8', queryBytes(head) - (head[HEADER_BYTES + 8] ?? 0), queryBytes(head))];
  }
  if (type !== TABLE_MAP) return [];
  const database = HEADER_BYTES + TABLE_BYTES + 1;
  const table = database + (head[database - 1] ?? 0) + 2;
  return [head.toString('utf8', database, table - 2), head.toString('utf8', table, table + (head[table - 1] ?? 0))];
}

function gtidIn(head: Buffer): Gtid {
  return {
    server: head.readUInt32LE(5),
    sequence: head.readBigUInt64LE(HEADER_BYTES),
    domain: head.readUInt32LE(HEADER_BYTES + 8),
  };
}

/** Of each domain the last one stands last. */
function listIn(event: Buffer): Gtid[] {
  const count = event.readUInt32LE(HEADER_BYTES) & 0x0fffffff;
  const at = (index: number) => HEADER_BYTES + 4 + index * 16;
  if (at(count) > event.length) throw new BinlogFormatError('its list of GTIDs is cut off');
  return Array.from({ length: count }, (_, index) => ({
    domain: event.readUInt32LE(at(index)),
    server: event.readUInt32LE(at(index) + 4),
    sequence: event.readBigUInt64LE(at(index) + 8),
  }));
}
