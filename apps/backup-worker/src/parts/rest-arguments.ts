import { HozenError } from '@hozen/contracts';
import { exactly } from '../methods/postgres-logical/plan-database.js';
import type { DatabasePart } from './database-part.js';

interface Named {
  schema: string;
  name: string;
}

/** One name that pg_dump is told: of a schema, or of something in it. */
interface Told {
  option: '--schema' | '--exclude-schema' | '--table' | '--exclude-table' | '--exclude-table-data';
  names: [schema: string] | [schema: string, name: string];
}

/** Names that fit into one call of a program. */
const ARGUMENTS_BYTES = 1_000_000;

/**
 * What pg_dump is told, so that it dumps the rows and sequences of a part but those of `own`, which have streams of their own.
 * Every name is exact: what was found out is what is dumped.
 * @returns undefined where nothing is left for it
 * @throws HozenError CONFIG_INVALID when pg_dump cannot be told so
 */
export function restArguments(part: DatabasePart, own: readonly Named[], encoding: string): string[] | undefined {
  const told = toldOf(part, own);
  const args = told.map((each) => `${each.option}=${pattern(each, told, part, encoding)}`);
  const bytes = args.reduce((sum, arg) => sum + Buffer.byteLength(arg) + 1, 0);
  if (bytes > ARGUMENTS_BYTES) throw cannot(`${args.length} names are more than it takes; name schemas instead`);
  return args.length === 0 && part.by === 'tables' ? undefined : args;
}

function toldOf({ by, wanted, leftOut, withoutRows, schemas }: DatabasePart, own: readonly Named[]): Told[] {
  const notRows = [...own, ...withoutRows].map(telling('--exclude-table-data'));
  const taken = new Set(wanted.map(({ schema }) => schema));
  if (by === 'all') {
    const whole = schemas.filter((schema) => !taken.has(schema));
    const others = leftOut.filter(({ schema, ofExtension }) => !whole.includes(schema) && !ofExtension);
    const notSchemas = whole.map((schema): Told => ({ option: '--exclude-schema', names: [schema] }));
    return [...notSchemas, ...others.map(telling('--exclude-table')), ...notRows];
  }
  if (by === 'schemas' && [...taken].every((schema) => schemas.includes(schema))) {
    const others = leftOut.filter(({ schema }) => schemas.includes(schema));
    const whole = schemas.map((schema): Told => ({ option: '--schema', names: [schema] }));
    return [...whole, ...others.map(telling('--exclude-table')), ...notRows];
  }
  // Also of a table with a stream of its own: the values of its sequences are here.
  const tables = wanted.filter(({ kind }) => kind === 'S' || kind === 'r').map(telling('--table'));
  return tables.length === 0 ? [] : [...tables, ...notRows];
}

function telling(option: Told['option']): (named: Named) => Told {
  return ({ schema, name }) => ({ option, names: [schema, name] });
}

/**
 * pg_dump takes names in the encoding of the database, and we give it UTF-8. Where these differ, letters beyond ASCII are told
 * as "any letter", if nothing else is meant by that.
 */
function pattern(told: Told, all: readonly Told[], { wanted, leftOut }: DatabasePart, encoding: string): string {
  const { option, names } = told;
  const isPlain = names.every((name) => /^[\x20-\x7e]*$/.test(name));
  if (isPlain || encoding === 'UTF8' || encoding === 'SQL_ASCII') return exactly(...names);
  const letters = new RegExp(`^${names.map(anyLetters).join('\\.')}$`, 'su');
  const meant = new Set(all.filter((each) => each.option === option).map((each) => each.names.join('.')));
  const others = [...wanted, ...leftOut]
    .map(({ schema, name }) => (names.length === 1 ? schema : `${schema}.${name}`))
    .filter((name) => letters.test(name) && !meant.has(name));
  if (others.length > 0) throw cannot(`${names.join('.')} and ${others[0]} look alike to it in ${encoding}`);
  return exactly(...names).replaceAll(/[^\x20-\x7e]/gu, '"?"');
}

function anyLetters(name: string): string {
  return name.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`).replaceAll(/[^\x20-\x7e]/gu, '.');
}

function cannot(why: string): HozenError {
  return new HozenError('CONFIG_INVALID', {}, { detail: `include, exclude: pg_dump cannot be told: ${why}` });
}
