/** A statement of a dump, as the client cuts it out and the server reads it. */
export interface DumpStatement {
  /** Without what stands in strings, in comments and in rows. Names stay in their quotes. */
  code: string;
  /** What stands in the first of its strings; `?` where that is long, and for all others. */
  strings: string[];
  /** Why it can be read otherwise than it was read here; what follows then, too. */
  unclear?: string;
}

/** Definitions are shorter. */
const LONGEST_CODE = 1 << 20;
const MOST_STRINGS = 16;
const LONGEST_STRING = 1000;
/** At once, however large the parts of an artefact are. */
const PIECE = 256 * 1024;
/** As much as must be seen to know what begins. */
const AHEAD = 64;
const LONGEST_LINE = 1000;

/** The first line that mariadb-dump writes: it takes the commands of the client away. */
const SANDBOX_MODE = '/*M!999999\\- enable the sandbox mode */';

/** Some who read take them for spaces, and some do not. */
const CONTROL = String.raw`\0-\x08\x0b\x0c\x0e-\x1f\x7f`;
const IS_CONTROL = new RegExp(`[${CONTROL}]`);
const PLAIN = new RegExp('[^\'"`/*#\\-(;$' + CONTROL + ']+', 'y');
const ROWS = /[\s(),.0-9]+/y;
const HEX = /[0-9A-Fa-f]*/y;
const WORD = /\w+/y;
const OF_ROWS = /^(?:NULL|_binary|[xXbB]|[eE]\d*|DEFAULT)$/;
const INSERT = /^INSERT INTO `(?:[^`]|``)*`(?: \((?:`(?:[^`]|``)*`(?:, ?)?)+\))? VALUES\s*$/;
/** Of what is quoted so, or something that is passed over. */
const ENDS: Readonly<Record<string, RegExp>> = { '`': /`/g, "'": /['\\]/g, '"': /["\\]/g };
const EXECUTED = /\/\*M?!\d*/y;
const DELIMITER = /DELIMITER (;+|\$\$)\n/y;
const LINE_COMMENT = /#|--(?=\s)/y;

type Mode = 'code' | 'string' | 'name' | 'comment' | 'line' | 'hex';

/**
 * Reads the statements of a dump as it comes, by the rules of both who read it: the client, which finds where a statement ends, and the
 * server. Where these could differ it says so. Of rows nothing is kept, and no statement grows without end.
 */
export class StatementReader {
  #text = '';
  #at = 0;
  #mode: Mode = 'code';
  #quote = '';
  #delimiter = ';';
  /** Inside of a comment that the server executes, perhaps. */
  #inExecuted = false;
  /** Inside of the rows of an INSERT, as mariadb-dump writes them. */
  #inRows = false;
  #lineBegins = true;
  #isFirst = true;
  #code = '';
  /** Not only spaces. */
  #hasCode = false;
  /** Whether it may still be found to bring rows. */
  #mayHaveRows = true;
  #plain = '';
  #strings: string[] = [];
  #string = '';
  #unclear: string | undefined;

  constructor(private readonly take: (statement: DumpStatement) => void) {}

  /** @param chunk is not kept */
  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; at += PIECE) {
      // Bytes as they are: no rule looks at any other than ASCII.
      this.#text = this.#text.slice(this.#at) + chunk.toString('latin1', at, at + PIECE);
      this.#at = 0;
      this.#read(this.#text.length - AHEAD);
    }
  }

  end(): void {
    this.#text = `${this.#text.slice(this.#at)}\n`;
    this.#at = 0;
    this.#read(this.#text.length, true);
    if (this.#mode !== 'code' && this.#mode !== 'line') this.#doubt('it does not end');
    this.#emit();
  }

  #read(until: number, isEnd = false): void {
    while (this.#at < until) {
      const [at, mode, inRows, lineBegins] = [this.#at, this.#mode, this.#inRows, this.#lineBegins];
      switch (this.#mode) {
        case 'code':
          if (this.#inRows) this.#readRows();
          else this.#readCode(isEnd);
          break;
        case 'hex':
          this.#match(HEX);
          if (this.#at < this.#text.length) this.#mode = 'code';
          break;
        case 'comment':
          this.#skipTo('*/', 1);
          break;
        case 'line':
          this.#skipTo('\n', 0);
          break;
        case 'string':
        case 'name':
        default:
          this.#readQuoted();
      }
      // What comes next is not there yet.
      const isSame = mode === this.#mode && inRows === this.#inRows && lineBegins === this.#lineBegins;
      if (isSame && at === this.#at) return;
    }
  }

  /** Stops in front of what is not there yet. */
  #readCode(isEnd: boolean): void {
    if (this.#isFirst) {
      this.#isFirst = false;
      if (this.#text.startsWith(SANDBOX_MODE, this.#at)) this.#at += SANDBOX_MODE.length;
    }
    if (this.#lineBegins && !this.#hasCode && /^delimiter/i.test(this.#text.slice(this.#at, this.#at + 9))) {
      return this.#readDelimiter(isEnd);
    }
    if (this.#text.startsWith(this.#delimiter, this.#at)) {
      this.#at += this.#delimiter.length;
      return this.#emit();
    }
    if (this.#match(LINE_COMMENT) !== undefined) {
      if (this.#inExecuted) this.#doubt('a comment in a comment');
      this.#mode = 'line';
      return;
    }
    if (this.#match(EXECUTED) !== undefined) {
      if (this.#inExecuted) this.#doubt('a comment in a comment');
      this.#inExecuted = true;
      return this.#add(' ');
    }
    const plain = this.#lineAware(this.#match(PLAIN));
    if (plain !== undefined) {
      this.#plain = plain;
      return this.#add(plain);
    }
    this.#readMark(this.#text[this.#at] ?? '');
  }

  /** One of the characters that something begins or ends with. */
  #readMark(mark: string): void {
    const two = this.#text.slice(this.#at, this.#at + 2);
    this.#at += 1;
    if (mark === "'" || mark === '"' || mark === '`') {
      [this.#mode, this.#quote, this.#string] = [mark === '`' ? 'name' : 'string', mark, ''];
      this.#add(mark === '`' ? '`' : "''");
    } else if (two === '/*') {
      this.#at += 1;
      // Hints: the client looks for quotes in them.
      if (this.#inExecuted || this.#text[this.#at] === '+') this.#doubt('a comment in a comment');
      this.#mode = 'comment';
      this.#add(' ');
    } else if (two === '*/' && this.#inExecuted) {
      this.#at += 1;
      this.#inExecuted = false;
      this.#add(' ');
    } else {
      // The client takes a line for a comment that begins so; the server does not.
      if (two === '--' && !this.#hasCode) this.#doubt('a comment without a space');
      if (IS_CONTROL.test(mark)) this.#doubt('a control character');
      if (mark === '(') this.#inRows = this.#bringsRows();
      this.#add(mark);
    }
    this.#lineBegins = false;
  }

  #bringsRows(): boolean {
    if (!this.#mayHaveRows || !/VALUES\s*$/.test(this.#plain)) return false;
    // Once for a statement: it may be long.
    this.#mayHaveRows = false;
    return INSERT.test(this.#code.trimStart());
  }

  #readRows(): void {
    if (this.#match(ROWS) !== undefined) {
      if (this.#text[this.#at - 1] !== '0' || this.#text[this.#at] !== 'x') return;
      this.#at += 1;
      this.#mode = 'hex';
      return;
    }
    const mark = this.#text[this.#at] ?? '';
    if (mark === "'") {
      this.#at += 1;
      [this.#mode, this.#quote] = ['string', mark];
    } else if (this.#text.startsWith(this.#delimiter, this.#at)) {
      this.#at += this.#delimiter.length;
      this.#add(')');
      this.#emit();
    } else if (mark === '-' && /[\d.]/.test(this.#text[this.#at + 1] ?? '')) {
      this.#at += 1;
    } else {
      const at = this.#at;
      if (OF_ROWS.test(this.#match(WORD) ?? '')) return;
      // Whatever it is, it is read as everything else.
      this.#at = at;
      this.#inRows = false;
    }
  }

  #readQuoted(): void {
    const [from, text, quote] = [this.#at, this.#text, this.#quote];
    const mark = ENDS[quote] ?? /$/g;
    mark.lastIndex = from;
    const found = mark.exec(text);
    const to = found?.index ?? text.length;
    this.#keepQuoted(from, to);
    this.#at = to;
    if (!found || to + 1 >= text.length) return;
    if (found[0] === '\\' || text[to + 1] === quote) {
      this.#keepQuoted(to, to + 2);
      this.#at = to + 2;
      return;
    }
    this.#endQuoted();
  }

  #keepQuoted(from: number, to: number): void {
    const { length } = this.#string;
    if (this.#inRows) return;
    if (this.#quote === '`') {
      const name = this.#text.slice(from, to);
      if (name.includes('\n')) this.#doubt('a name with a line feed');
      this.#add(name);
      return;
    }
    if (this.#inExecuted && this.#text.slice(Math.max(0, from - 1), to + 1).includes('*/')) {
      this.#doubt('the end of a comment in a string');
    }
    if (length <= LONGEST_STRING) this.#string += this.#text.slice(from, Math.min(to, from + LONGEST_STRING + 1));
  }

  #endQuoted(): void {
    this.#at += 1;
    this.#mode = 'code';
    if (this.#inRows) return;
    if (this.#quote === '`') {
      // Some clients take a backslash in a name for what it is in a string.
      if (this.#text[this.#at - 2] === '\\') this.#doubt('a backslash at the end of a name');
      this.#add('`');
    } else if (this.#strings.length < MOST_STRINGS) {
      const isKnown = this.#string.length <= LONGEST_STRING && this.#strings.length < MOST_STRINGS - 1;
      this.#strings.push(isKnown ? this.#string : '?');
    }
  }

  #readDelimiter(isEnd: boolean): void {
    const end = this.#text.indexOf('\n', this.#at);
    if (end < 0 && !isEnd && this.#text.length - this.#at < LONGEST_LINE) return;
    const [, delimiter] = this.#captured(DELIMITER) ?? [];
    if (delimiter === undefined) {
      this.#doubt('an unusual delimiter');
      this.#lineBegins = false;
    } else {
      this.#delimiter = delimiter;
    }
  }

  #skipTo(mark: string, longer: number): void {
    const found = this.#text.indexOf(mark, this.#at);
    if (found < 0) {
      this.#at = this.#text.length - longer;
      return;
    }
    this.#at = found + mark.length;
    this.#mode = 'code';
    this.#lineBegins = mark === '\n';
  }

  /** A line may begin in the middle of it: then it ends there. */
  #lineAware(plain: string | undefined): string | undefined {
    if (plain === undefined) return undefined;
    const feed = this.#hasCode ? -1 : plain.indexOf('\n');
    if (feed >= 0 && plain.slice(0, feed).trim() === '') {
      this.#at -= plain.length - feed - 1;
      this.#lineBegins = true;
      return '';
    }
    this.#lineBegins = false;
    return plain;
  }

  #match(pattern: RegExp): string | undefined {
    return this.#captured(pattern)?.[0];
  }

  #captured(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (!found) return undefined;
    this.#at = pattern.lastIndex;
    return found;
  }

  #add(code: string): void {
    if (this.#code.length + code.length > LONGEST_CODE) this.#doubt('it is too long');
    else this.#code += code;
    this.#hasCode ||= code.trim() !== '';
  }

  #doubt(why: string): void {
    this.#unclear ??= why;
  }

  #emit(): void {
    if (this.#inExecuted) this.#doubt('the end of a statement in a comment');
    if (/delimiter\s/i.test(this.#code.replace(/`(?:[^`]|``)*`/g, '``'))) this.#doubt('a delimiter within it');
    const code = this.#code.trim();
    if (code !== '' || this.#unclear !== undefined) {
      const unclear = this.#unclear === undefined ? {} : { unclear: this.#unclear };
      this.take({ code: utf8(code), strings: this.#strings.map(utf8), ...unclear });
    }
    [this.#code, this.#strings, this.#unclear] = ['', [], undefined];
    [this.#hasCode, this.#mayHaveRows, this.#plain] = [false, true, ''];
    [this.#inRows, this.#inExecuted, this.#lineBegins] = [false, false, false];
  }
}

function utf8(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
