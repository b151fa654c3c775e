/** What a piece of a dump is. Lines that are rewritten or left out come in one piece. */
export type DumpPart =
  | { kind: 'rows' | 'lock'; database: string; table: string }
  | { kind: 'use' | 'create' | 'unlock' | 'definition'; database: string }
  | { kind: 'blank' }
  | ({ kind: 'position' } & Partial<BinlogPosition>);

/** Where in the binary log the moment of a dump lies. */
export interface BinlogPosition {
  file: string;
  position: number;
  gtid?: string;
}

/** @param bytes are not kept after it returns */
export type TakePart = (bytes: Buffer, part: DumpPart) => void;

/** As much of a line as tells what it is: a name has 64 characters, some of which may be doubled. */
const HEAD_BYTES = 640;
const LINE_FEED = 0x0a;
const SEMICOLON = 0x3b;
const ROWS_END = Buffer.from(';\n');
const NAME = '`((?:[^`]|``)*)`';
/** Before the rows of a table; in routines it is not allowed. */
const LOCK = new RegExp(`^LOCK TABLES ${NAME} WRITE;$`);
const UNLOCK = 'UNLOCK TABLES;';
const USE = new RegExp(`^USE ${NAME};$`);
const CREATE = new RegExp(`^CREATE DATABASE (?:/\\*!32312 IF NOT EXISTS\\*/ |IF NOT EXISTS )?${NAME}`);
/** A name that is not at its end yet: it may have line feeds, and then the line goes on. */
const OPEN_NAME = new RegExp(
  '^(?:USE|LOCK TABLES|INSERT INTO|CREATE DATABASE(?: /\\*!32312 IF NOT EXISTS\\*/| IF NOT EXISTS)?) `(?:[^`]|``)*$',
);
/** Settings are given back at the end, which belongs to no database. */
const GIVEN_BACK = /^\/\*!\d+ SET [A-Z_]+=@OLD_[A-Z_]+ \*\/;$/;
const POSITION =
  /^-- CHANGE (?:MASTER|REPLICATION SOURCE) TO (?:MASTER|SOURCE)_LOG_FILE='((?:[^'\\]|\\.)+)', (?:MASTER|SOURCE)_LOG_POS=(\d+);$/;
const GTID = /^-- SET GLOBAL gtid_slave_pos='([\d,-]*)';$/;

/** Whether rows go on, perhaps not beyond the next byte. */
type Rows = 'going on' | 'ending' | undefined;

/** Tells what is what in the output of mariadb-dump or mysqldump, as it comes and at the speed at which lines can be found. */
export class DumpScanner {
  #database = '';
  #table: string | undefined;
  /** Inside of a routine or a trigger, where any line may stand. */
  #inBody = false;
  /** Inside of the rows of a statement; `ending` after a semicolon. */
  #rows: Rows;
  /** The beginning of a line, until it is known what it is. */
  #head = Buffer.alloc(0);
  /** What the rest of the line is; undefined at its beginning. */
  #part: DumpPart | undefined;
  #lastLine = '';

  constructor(private readonly take: TakePart) {}

  /** The last line that is not empty, or its beginning. */
  get lastLine(): string {
    return this.#lastLine;
  }

  /** @param chunk is not kept */
  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) at = this.#rows ? this.#restOfRows(chunk, at) : this.#restOfLine(chunk, at);
  }

  /** What is left of a last line without an end. */
  end(): void {
    if (this.#head.length > 0) this.#piece(Buffer.from('\n'), true);
  }

  /** Rows reach to a semicolon at the end of a line: line breaks in values are escaped. Returns where they end. */
  #restOfRows(chunk: Buffer, at: number): number {
    const isLast = this.#rows === 'ending' && chunk[at] === LINE_FEED;
    const found = chunk.indexOf(ROWS_END, at);
    const end = isLast ? at + 1 : found < 0 ? chunk.length : found + ROWS_END.length;
    const rows = chunk.subarray(at, end);
    this.take(rows, { kind: 'rows', database: this.#database, table: this.#table ?? '' });
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
    if (this.#part === undefined) {
      this.#head = this.#head.length === 0 ? Buffer.from(piece) : Buffer.concat([this.#head, piece]);
      if (this.#head.length < HEAD_BYTES && (!isEnd || this.#isInName())) return;
      this.#part = this.#begun(this.#head.toString('utf8', 0, HEAD_BYTES));
      this.take(this.#head, this.#part);
      if (this.#part.kind === 'rows') this.#rows = rowsAfter(this.#head);
      this.#head = Buffer.alloc(0);
    } else {
      this.take(piece, this.#part);
    }
    if (isEnd || this.#rows) this.#part = undefined;
  }

  #isInName(): boolean {
    return !this.#inBody && OPEN_NAME.test(this.#head.toString('utf8'));
  }

  /** @param text the line, or its beginning */
  #begun(text: string): DumpPart {
    const line = text.endsWith('\n') ? text.slice(0, -1) : text;
    if (line !== '') this.#lastLine = line;
    if (line.startsWith('DELIMITER ')) this.#inBody = line !== 'DELIMITER ;';
    if (this.#inBody) return this.#definition();
    if (line === '') return { kind: 'blank' };
    if (GIVEN_BACK.test(line)) this.#database = '';
    if (this.#table !== undefined && line.startsWith('INSERT INTO `')) {
      return { kind: 'rows', database: this.#database, table: this.#table };
    }
    return this.#ofDatabase(line) ?? this.#ofTable(line) ?? positionIn(line) ?? this.#definition();
  }

  #ofDatabase(line: string): DumpPart | undefined {
    const [, created] = CREATE.exec(line) ?? [];
    if (created !== undefined) return { kind: 'create', database: unquoted(created) };
    const [, used] = USE.exec(line) ?? [];
    if (used === undefined) return undefined;
    this.#database = unquoted(used);
    return { kind: 'use', database: this.#database };
  }

  #ofTable(line: string): DumpPart | undefined {
    if (line === UNLOCK) {
      this.#table = undefined;
      return { kind: 'unlock', database: this.#database };
    }
    const [, locked] = LOCK.exec(line) ?? [];
    if (locked === undefined) return undefined;
    this.#table = unquoted(locked);
    return { kind: 'lock', database: this.#database, table: this.#table };
  }

  #definition(): DumpPart {
    return { kind: 'definition', database: this.#database };
  }
}

function positionIn(line: string): DumpPart | undefined {
  const [, file, position] = POSITION.exec(line) ?? [];
  if (file !== undefined) return { kind: 'position', file, position: Number(position) };
  const [, gtid] = GTID.exec(line) ?? [];
  return gtid === undefined ? undefined : { kind: 'position', gtid };
}

function rowsAfter(bytes: Buffer): Rows {
  if (bytes.subarray(-ROWS_END.length).equals(ROWS_END)) return undefined;
  return bytes.at(-1) === SEMICOLON ? 'ending' : 'going on';
}

/** The text of a quoted name. */
function unquoted(name: string): string {
  return name.replaceAll('``', '`');
}
