import { HozenError } from '@hozen/contracts';
import { exclude, exactly } from '../methods/postgres-logical/plan-database.js';
import type { DatabasePart, RelationFacts } from './database-part.js';

interface Named {
  schema: string;
  name: string;
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
  const names = argumentsFor(part, own);
  const bytes = names.reduce((sum, arg) => sum + Buffer.byteLength(arg) + 1, 0);
  if (bytes > ARGUMENTS_BYTES) throw cannot(`${names.length} names are more than it takes; name schemas instead`);
  const foreign = encoding === 'UTF8' ? undefined : names.find((name) => !/^[\x20-\x7e]*$/.test(name));
  if (foreign !== undefined) throw cannot(`${foreign} cannot be written for a database in ${encoding}`);
  return names.length === 0 && part.by === 'tables' ? undefined : names;
}

function argumentsFor(part: DatabasePart, own: readonly Named[]): string[] {
  const { by, wanted, leftOut, withoutRows, schemas } = part;
  const notRows = [...own, ...withoutRows].map(exclude);
  const taken = new Set(wanted.map(({ schema }) => schema));
  if (by === 'all') {
    const whole = schemas.filter((schema) => !taken.has(schema));
    const others = leftOut.filter(({ schema, ofExtension }) => !whole.includes(schema) && !ofExtension);
    return [...whole.map((each) => `--exclude-schema=${exactly(each)}`), ...others.map(notTable), ...notRows];
  }
  if (by === 'schemas' && [...taken].every((schema) => schemas.includes(schema))) {
    const others = leftOut.filter(({ schema }) => schemas.includes(schema));
    return [...schemas.map((each) => `--schema=${exactly(each)}`), ...others.map(notTable), ...notRows];
  }
  const without = new Set([...own, ...withoutRows].map(keyOf));
  return wanted
    .filter((each) => each.kind === 'S' || (each.kind === 'r' && !without.has(keyOf(each))))
    .map(({ schema, name }) => `--table=${exactly(schema, name)}`);
}

function notTable({ schema, name }: RelationFacts): string {
  return `--exclude-table=${exactly(schema, name)}`;
}

function keyOf({ schema, name }: Named): string {
  return JSON.stringify([schema, name]);
}

function cannot(why: string): HozenError {
  return new HozenError('CONFIG_INVALID', {}, { detail: `include, exclude: pg_dump cannot be told: ${why}` });
}
