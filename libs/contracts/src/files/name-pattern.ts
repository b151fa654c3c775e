import { RE2JS } from 're2js';

/** What a pattern names. */
export type NamedKind = 'database' | 'schema' | 'table';

/** A pattern as pg_dump understands it, as regular expressions of PostgreSQL. */
export interface NamePattern {
  /** As it was written. */
  text: string;
  kind: NamedKind;
  /** It counts in databases of this name only: what stands before a colon. */
  database?: string;
  /** Of a table: the schema, where one is named. Else it is sought where the login would find it (`search_path`). */
  schema?: string;
  /** Of what is named. */
  name: string;
  /** It names one thing: nothing in it stands for anything. */
  isExact: boolean;
}

/** What the pattern of a name is called inside, where it is a database, a schema or a table. */
const PARTS: Readonly<Record<NamedKind, number>> = { database: 1, schema: 1, table: 2 };

const LONGEST = 1000;

/**
 * Reads a pattern: `*` is any text, `?` any character, other characters are those of a regular expression; a name outside of
 * double quotes is in lower case, and within them nothing is special. Schemas and tables may have a database before a colon.
 * (PostgreSQL: `processSQLNamePattern` in string_utils.c.)
 * @returns what is wrong with it, where something is
 */
export function parseNamePattern(text: string, kind: NamedKind): NamePattern | string {
  if (text === '' || text.length > LONGEST || text.includes('\0')) return 'must be a name or a pattern';
  const { database, rest } = kind === 'database' ? { database: undefined, rest: text } : splitDatabase(text);
  const within = database === undefined ? [] : partsOf(database);
  const parts = partsOf(rest);
  if (typeof within === 'string') return within;
  if (typeof parts === 'string') return parts;
  if (parts.length > PARTS[kind] || within.length > 1) return tooManyParts(kind);
  const [first, second] = parts;
  if (!first || [...parts, ...within].some(({ source }) => source === '')) return 'has an empty name';
  const [scope] = within;
  return {
    text,
    kind,
    ...(scope ? { database: scope.source } : {}),
    ...(second ? { schema: first.source } : {}),
    name: (second ?? first).source,
    isExact: [...parts, ...within].every((part) => part.isExact),
  };
}

/** The regular expression of a part of a pattern, for the whole name. */
export function wholeName(source: string): string {
  return `^(${source})$`;
}

/** Whether a whole name matches; in time that grows with the name only, whatever the expression is. */
export function nameMatcher(source: string): (name: string) => boolean {
  const compiled = RE2JS.compile(wholeName(source), RE2JS.DOTALL);
  return (name) => compiled.matcher(name).find();
}

interface Part {
  source: string;
  isExact: boolean;
}

function tooManyParts(kind: NamedKind): string {
  if (kind === 'database') return 'a dot in the name of a database must stand in double quotes';
  return kind === 'schema'
    ? 'must be a schema, such as sales or "my.schema"; the database goes before a colon: shop:sales'
    : 'must be a table, such as public.orders; the database goes before a colon: shop:public.orders';
}

/** What stands before the first colon that is in no quotes and in no brackets, and what behind it. */
export function splitDatabase(text: string): { database: string | undefined; rest: string } {
  const characters = Array.from(text);
  let quoted = false;
  let depth = 0;
  for (const [at, character] of characters.entries()) {
    if (character === '"') quoted = !quoted;
    if (quoted) continue;
    if (character === '[') depth++;
    if (character === ']') depth--;
    if (character !== ':' || depth > 0) continue;
    return { database: characters.slice(0, at).join(''), rest: characters.slice(at + 1).join('') };
  }
  return { database: undefined, rest: text };
}

function partsOf(text: string): Part[] | string {
  const parts: Part[] = [];
  let part: Part = { source: '', isExact: true };
  let quoted = false;
  const characters = Array.from(text);
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? '';
    if (character === '"') {
      if (quoted && characters[at + 1] === '"') part.source += characters[++at];
      else quoted = !quoted;
    } else if (quoted || character === '$') {
      part.source += escaped(character);
    } else if (character === '.') {
      parts.push(part);
      part = { source: '', isExact: true };
    } else {
      const source = unquoted(character, characters[at + 1]);
      part.source += source;
      if (/[|*+?()[\]{}^\\]/.test(character)) part.isExact = false;
    }
  }
  if (quoted) return 'has a double quote without its second one';
  parts.push(part);
  return parts.every(({ source }) => isExpression(source)) ? parts : 'is not a pattern: a bracket has no second one';
}

function escaped(character: string): string {
  return /[|*+?()[\]{}.^$\\]/.test(character) ? `\\${character}` : character;
}

function unquoted(character: string, next: string | undefined): string {
  if (character === '*') return '.*';
  if (character === '?') return '.';
  // An array type in the name of a function; nobody means an empty class.
  if (character === '[' && next === ']') return '\\[';
  return character.replace(/[A-Z]/, (letter) => letter.toLowerCase());
}

/** The server has the last word; what is no regular expression anywhere is told at once. */
function isExpression(source: string): boolean {
  try {
    nameMatcher(source);
    return true;
  } catch {
    return false;
  }
}
