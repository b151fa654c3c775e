import { createHash, type Hash } from 'node:crypto';

/** What a dump holds, table by table: the text of its rows, and per database that of everything else. */
export interface DumpContent {
  tables: { database: string; table: string; bytes: number; sha256: string }[];
  definitions: { database: string; bytes: number; sha256: string }[];
  /** Where in the binary log the moment of the dump lies. */
  binlog?: { file: string; position: number; gtid?: string };
}

/** Every dump ends with this, or it was cut off. */
const END_MARK = '/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;';
/** As much of a line as tells what it is: a name has 64 characters, some of which may be doubled. */
const HEAD_BYTES = 640;
const LINE_FEED = 0x0a;
const SEMICOLON = 0x3b;
const ROWS_END = Buffer.from(';\n');
/** Before the rows of a table; in routines it is not allowed. */
const LOCK = /^LOCK TABLES `((?:[^`]|``)*)` WRITE;$/;
const UNLOCK = 'UNLOCK TABLES;';
const USE = /^USE `((?:[^`]|``)*)`;$/;
const POSITION = /^-- CHANGE MASTER TO MASTER_LOG_FILE='((?:[^'\\]|\\.)+)', MASTER_LOG_POS=(\d+);$/;
const GTID = /^-- SET GLOBAL gtid_slave_pos='([\d,-]*)';$/;

/** Whether rows go on, perhaps not beyond the next byte. */
type Rows = 'going on' | 'ending' | undefined;

interface Sum {
  hash: Hash;
  bytes: number;
}

/**
 * Reads the output of mariadb-dump as it comes. A dump that is made again of what was restored from it gives the same
 * content: that is the proof.
 */
export class DumpContentReader {
  readonly #tables: DumpContent['tables'] = [];
  readonly #definitions = new Map<string, Sum>();
  #database = '';
  #table: (Sum & { name: string }) | undefined;
  #binlog: DumpContent['binlog'];
  /** Inside of the rows of a statement; `ending` after a semicolon. */
  #rows: Rows;
  /** The beginning of a line, until it is known what it is. */
  #head = Buffer.alloc(0);
  /** Where the rest of the line goes; undefined at its beginning. */
  #line: Sum | 'nowhere' | undefined;
  #lastLine = '';

  /** @param chunk is not kept */
  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) at = this.#rows ? this.#restOfRows(chunk, at) : this.#restOfLine(chunk, at);
  }

  /** @throws RangeError when it was cut off */
  end(): DumpContent {
    if (this.#head.length > 0) this.#piece(Buffer.from('\n'), true);
    if (this.#lastLine !== END_MARK) throw new RangeError('the dump is cut off');
    this.#endTable();
    return {
      tables: this.#tables,
      definitions: [...this.#definitions].map(([database, sum]) => ({ database, ...digested(sum) })),
      ...(this.#binlog ? { binlog: this.#binlog } : {}),
    };
  }

  /** Rows reach to a semicolon at the end of a line: line breaks in values are escaped. Returns where they end. */
  #restOfRows(chunk: Buffer, at: number): number {
    const isLast = this.#rows === 'ending' && chunk[at] === LINE_FEED;
    const found = chunk.indexOf(ROWS_END, at);
    const end = isLast ? at + 1 : found < 0 ? chunk.length : found + ROWS_END.length;
    const rows = chunk.subarray(at, end);
    if (this.#table) add(this.#table, rows);
    this.#rows = isLast ? undefined : rowsAfter(rows);
    return end;
  }

  #restOfLine(chunk: Buffer, at: number): number {
    const found = chunk.indexOf(LINE_FEED, at);
    const end = found < 0 ? chunk.length : found + 1;
    this.#piece(chunk.subarray(at, end), found >= 0);
    return end;
  }

  #piece(piece: Buffer, isEnd: boolean): void {
    if (this.#line === undefined) {
      this.#head = this.#head.length === 0 ? Buffer.from(piece) : Buffer.concat([this.#head, piece]);
      if (!isEnd && this.#head.length < HEAD_BYTES) return;
      this.#line = this.#begun(this.#head.toString('utf8', 0, HEAD_BYTES));
      add(this.#line, this.#head);
      if (this.#line === this.#table && !this.#head.subarray(-ROWS_END.length).equals(ROWS_END))
        this.#rows = 'going on';
      this.#head = Buffer.alloc(0);
    } else {
      add(this.#line, piece);
    }
    if (isEnd || this.#rows) this.#line = undefined;
  }

  /** @param text the line, or its beginning */
  #begun(text: string): Sum | 'nowhere' {
    const line = text.endsWith('\n') ? text.slice(0, -1) : text;
    if (line !== '') this.#lastLine = line;
    if (this.#table && line.startsWith('INSERT INTO `')) return this.#table;
    if (this.#isPosition(line)) return 'nowhere';
    const [, locked] = LOCK.exec(line) ?? [];
    if (locked !== undefined || line === UNLOCK) this.#endTable();
    if (locked !== undefined) this.#table = { name: unquoted(locked), ...newSum() };
    const [, used] = USE.exec(line) ?? [];
    if (used !== undefined) this.#database = unquoted(used);
    const sum = this.#definitions.get(this.#database) ?? newSum();
    this.#definitions.set(this.#database, sum);
    return sum;
  }

  #isPosition(line: string): boolean {
    const [, file, position] = POSITION.exec(line) ?? [];
    if (file !== undefined) this.#binlog = { ...this.#binlog, file, position: Number(position) };
    const [, gtid] = GTID.exec(line) ?? [];
    if (gtid !== undefined && this.#binlog) this.#binlog.gtid = gtid;
    return file !== undefined || gtid !== undefined;
  }

  #endTable(): void {
    const table = this.#table;
    this.#table = undefined;
    if (table) this.#tables.push({ database: this.#database, table: table.name, ...digested(table) });
  }
}

/** What differs, by name; nothing where both are the same. */
export function differencesOf(expected: DumpContent, found: DumpContent): string[] {
  const named = (content: DumpContent) =>
    new Map([
      ...content.definitions.map((each) => [`definitions of ${each.database || 'the server'}`, each.sha256] as const),
      ...content.tables.map((each) => [`${each.database}.${each.table}`, each.sha256] as const),
    ]);
  const [one, other] = [named(expected), named(found)];
  return [...new Set([...one.keys(), ...other.keys()])].filter((name) => one.get(name) !== other.get(name));
}

function newSum(): Sum {
  return { hash: createHash('sha256'), bytes: 0 };
}

function add(sum: Sum | 'nowhere', bytes: Buffer): void {
  if (sum === 'nowhere') return;
  sum.hash.update(bytes);
  sum.bytes += bytes.length;
}

function digested({ hash, bytes }: Sum): { bytes: number; sha256: string } {
  return { bytes, sha256: hash.digest('hex') };
}

function rowsAfter(bytes: Buffer): Rows {
  if (bytes.subarray(-ROWS_END.length).equals(ROWS_END)) return undefined;
  return bytes.at(-1) === SEMICOLON ? 'ending' : 'going on';
}

/** The text of a quoted name. */
function unquoted(name: string): string {
  return name.replaceAll('``', '`');
}
