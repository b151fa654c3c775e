/** A name as PostgreSQL's programs write it, in a group of its own. */
export const QUOTABLE_NAME = String.raw`("(?:[^"]|"")+"|[^\s";]+)`;

/** Blanks, comments, and the marks between which psql of today takes no commands: all that stands between statements. */
const BETWEEN = /(?:\s+|--[^\n]*(?:\n|$)|\\(?:un)?restrict [A-Za-z0-9]+(?:\n|$))*/y;

/** The encoding that a dump says it is written in. */
export function encodingOf(dump: Buffer): string {
  return /^SET client_encoding = '(\w+)';$/m.exec(dump.toString('latin1'))?.[1] ?? 'UTF8';
}

/**
 * Cuts what pg_dumpall writes at semicolons that are in no quotes. A command of psql's that stands where a statement may
 * begin is one by itself, up to the end of its line.
 * @throws RangeError for text that ends within a statement
 */
export function* statementsIn(text: string): Generator<string> {
  const special = /[;'"]/g;
  for (let from = endOfBetween(text, 0); from < text.length;) {
    let end = from;
    if (text[from] === '\\') {
      const line = text.indexOf('\n', from);
      end = line < 0 ? text.length : line;
    } else {
      for (let isEnd = false; !isEnd;) {
        special.lastIndex = end;
        const found = special.exec(text);
        if (!found) throw new RangeError('it ends within a statement');
        isEnd = found[0] === ';';
        end = isEnd ? found.index : endOfQuote(text, found.index);
      }
    }
    const statement = text.slice(from, end).trim();
    if (statement !== '') yield statement;
    from = endOfBetween(text, end + 1);
  }
}

function endOfBetween(text: string, from: number): number {
  BETWEEN.lastIndex = from;
  return from + (BETWEEN.exec(text)?.[0].length ?? 0);
}

/** Behind the quote that ends what begins at `at`. */
function endOfQuote(text: string, at: number): number {
  const quote = text[at] ?? '';
  const hasEscapes = quote === "'" && /(?:^|[^\w])E$/i.test(text.slice(Math.max(0, at - 2), at));
  for (let end = at + 1; end < text.length; end++) {
    if (hasEscapes && text[end] === '\\') end += 1;
    else if (text[end] === quote && text[end + 1] === quote) end += 1;
    else if (text[end] === quote) return end + 1;
  }
  throw new RangeError('a quote does not end');
}
