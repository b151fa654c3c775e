import type { DatabaseFacts } from '@hozen/dbms';
import type { TableFacts } from './database-snapshot.js';

/** One pg_dump process: what it dumps and under which name. */
export interface PlannedStream {
  /** Name of the stream in the artefact. */
  name: string;
  /** What pg_dump is told to dump. */
  args: string[];
  /** Bytes of the tables in it. */
  bytes: number;
  /** For people. */
  item: string;
}

/** A table smaller than this gains nothing by a process of its own. */
const LARGE = 32 * 1024 * 1024;

/**
 * Cuts a database into streams that are dumped side by side, largest first: definitions, each large table, all the rest.
 *
 * @param totalBytes of the whole cluster
 */
export function planDatabase(
  database: Pick<DatabaseFacts, 'name' | 'encoding'>,
  folder: string,
  tables: TableFacts[],
  { totalBytes, jobs }: { totalBytes: number; jobs: number },
): PlannedStream[] {
  const threshold = Math.max(LARGE, totalBytes / (4 * jobs));
  const large = tables
    .filter((table) => table.hasData && table.bytes >= threshold && canBeNamed(table, database.encoding))
    .toSorted((a, b) => b.bytes - a.bytes);
  const rest = tables.reduce((sum, table) => sum + table.bytes, 0) - large.reduce((sum, table) => sum + table.bytes, 0);
  const streams: PlannedStream[] = [
    {
      name: `${folder}/data-01.dump`,
      args: ['--section=data', ...large.flatMap((table) => exclude(table, ...table.sequences))],
      bytes: rest,
      item: database.name,
    },
    ...large.map((table, index) => ({
      name: `${folder}/data-${String(index + 2).padStart(2, '0')}.dump`,
      // Its sequences are in the stream of the rest; twice they might differ, since they are in no snapshot.
      args: ['--section=data', `--table=${pattern(table)}`, ...exclude(...table.sequences)],
      bytes: table.bytes,
      item: `${database.name}: ${table.schema}.${table.name}`,
    })),
  ];
  streams.sort((a, b) => b.bytes - a.bytes);
  const definitions = ['--section=pre-data', '--section=post-data'];
  return [{ name: `${folder}/schema.dump`, args: definitions, bytes: 0, item: database.name }, ...streams];
}

/** pg_dump takes names in the encoding of the database; ours are UTF-8. Others stay in the stream of the rest. */
function canBeNamed(table: TableFacts, encoding: string): boolean {
  const names = [table, ...table.sequences].map(({ schema, name }) => schema + name).join('');
  return encoding === 'UTF8' || /^[\x20-\x7e]*$/.test(names);
}

function exclude(...relations: { schema: string; name: string }[]): string[] {
  return relations.map((relation) => `--exclude-table-data=${pattern(relation)}`);
}

/** A pattern of pg_dump that matches this name only: within double quotes nothing is special but the quote itself. */
function pattern({ schema, name }: { schema: string; name: string }): string {
  const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
  return `${quote(schema)}.${quote(name)}`;
}
