const WORD = String.raw`A-Za-z0-9_$\u0080-\uffff`;
const ESCAPED = String.raw`'(?:[^'\\]|\\[\s\S]|'')*'`;

/** Everything of SQL that is no code by itself, by the server's rules: a string with escapes goes on in the next line. */
const QUOTED = new RegExp(
  [
    String.raw`--[^\n\r]*`,
    String.raw`/\*[\s\S]*?\*/`,
    String.raw`(?<![${WORD}])E${ESCAPED}(?:\s*[\n\r]\s*${ESCAPED})*`,
    `'(?:[^']|'')*'`,
    String.raw`(?<![${WORD}])\$((?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?)\$[\s\S]*?\$\1\$`,
    `"(?:[^"]|"")*"`,
  ].join('|'),
  'gi',
);

/**
 * SQL without what stands in strings and comments, so that words are found where they act. Names in double quotes stay, and so
 * does what looks like a quote and does not end: who looks for something finds too much then, and not too little. It is
 * SQL with standard_conforming_strings.
 */
export function bareCode(sql: string): string {
  return sql.replace(QUOTED, (text) => {
    if (text.startsWith('"')) return text;
    return text.startsWith('--') || text.startsWith('/*') ? ' ' : "''";
  });
}

/** The statements of bare code. What stands in parentheses (the actions of a rule) is within one. */
export function statementsOf(code: string): string[] {
  const statements: string[] = [];
  let [from, depth] = [0, 0];
  for (const { 0: mark, index } of code.matchAll(/"(?:[^"]|"")*"|[();]/g)) {
    if (mark === '(') depth += 1;
    else if (mark === ')') depth -= 1;
    else if (mark === ';' && depth <= 0) {
      statements.push(code.slice(from, index));
      from = index + 1;
    }
  }
  return [...statements, code.slice(from)].map((each) => each.trim()).filter((each) => each !== '');
}
