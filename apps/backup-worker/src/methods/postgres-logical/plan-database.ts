import type { DatabaseFacts } from '@hozen/dbms';
import type { TableFacts } from './tables.sql.js';

/** One pg_dump process: what it dumps and under which name. */
export interface PlannedDump {
  /** Name of the stream in the artefact. */
  name: string;
  /** What pg_dump is told to dump. */
  args: string[];
  /** Bytes of the tables in it. */
  bytes: number;
  /** For people. */
  item: string;
}

/** One table that is read by COPY into a stream of its own. */
export interface PlannedTable {
  stream: string;
  schema: string;
  name: string;
  /** As in the COPY statement: quoted where it must be. */
  columns: string;
  bytes: number;
  item: string;
}

export interface DatabasePlan {
  definitions: PlannedDump;
  /** Tables that are not read by COPY, sequences, large objects; undefined where there is nothing of it. */
  rest: PlannedDump | undefined;
  /** Largest first. */
  tables: PlannedTable[];
}

/** A smaller table gains nothing by a stream of its own. */
const OWN_STREAM_BYTES = 1024 * 1024;
/** pg_dump looks up every table that it is told to leave out by a query of its own. */
const OWN_STREAMS = 500;

/** The tables that are worth a stream of their own, largest first. */
export function largeTables(tables: TableFacts[], database: Pick<DatabaseFacts, 'encoding'>): TableFacts[] {
  return tables
    .filter((table) => table.hasData && table.bytes >= OWN_STREAM_BYTES && canBeNamed(table, database.encoding))
    .toSorted((a, b) => b.bytes - a.bytes)
    .slice(0, OWN_STREAMS);
}

/**
 * Cuts a database into what is read side by side: definitions, each large table, all the rest.
 * @param columns of the large tables, by oid; a table without them stays with the rest
 * @param restOf what pg_dump is told beside, where only a part is wanted; undefined where nothing is left for it
 */
export function planDatabase(
  database: Pick<DatabaseFacts, 'name'>,
  folder: string,
  tables: TableFacts[],
  large: TableFacts[],
  columns: ReadonlyMap<number, string>,
  restOf: (own: readonly PlannedTable[]) => string[] | undefined = (own) => own.map(exclude),
): DatabasePlan {
  const own: PlannedTable[] = large
    .filter(({ oid }) => columns.has(oid))
    .map(({ oid, schema, name, bytes }, index) => ({
      stream: `${folder}/data-${String(index + 2).padStart(4, '0')}.dump`,
      schema,
      name,
      bytes,
      columns: columns.get(oid) ?? '',
      item: `${database.name}: ${schema}.${name}`,
    }));
  const rest = restOf(own);
  const sum = (all: { bytes: number }[]) => all.reduce((bytes, each) => bytes + each.bytes, 0);
  return {
    definitions: { ...definitionsIn(folder), bytes: 0, item: database.name },
    rest: rest && {
      name: `${folder}/data-0001.dump`,
      args: ['--section=data', ...rest],
      bytes: sum(tables) - sum(own),
      item: database.name,
    },
    tables: own,
  };
}

/** The same for every database, whatever is in it. */
export function definitionsIn(folder: string): Pick<PlannedDump, 'name' | 'args'> {
  return { name: `${folder}/schema.dump`, args: ['--section=pre-data', '--section=post-data'] };
}

/** pg_dump leaves out the rows of this table. */
export function exclude(table: { schema: string; name: string }): string {
  return `--exclude-table-data=${exactly(table.schema, table.name)}`;
}

/** pg_dump takes names in the encoding of the database; ours are UTF-8. Others stay in the stream of the rest. */
function canBeNamed({ schema, name }: TableFacts, encoding: string): boolean {
  return encoding === 'UTF8' || /^[\x20-\x7e]*$/.test(schema + name);
}

/** A pattern of pg_dump that matches this name only: within double quotes nothing is special but the quote itself. */
export function exactly(...names: string[]): string {
  return names.map((name) => `"${name.replaceAll('"', '""')}"`).join('.');
}
