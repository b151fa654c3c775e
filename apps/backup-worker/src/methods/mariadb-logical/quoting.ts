/** What stands in quotes of any kind in a statement of MariaDB or MySQL, as a pattern (`s`). */
export const QUOTED = /`(?:[^`]|``)*`|'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"/s.source;

/** A name as it is meant, whether it stands in quotes or not. */
export function unquoted(name: string): string {
  const [quote] = name;
  if (quote === '`') return name.slice(1, -1).replaceAll('``', '`');
  if (quote !== "'" && quote !== '"') return name;
  return name
    .slice(1, -1)
    .replaceAll(quote + quote, quote)
    .replace(/\\(.)/gs, '$1');
}
