import type { DatabaseContent, LargeObjectContent, SequenceContent, TableContent } from '../artefact/artefact-index.js';
import type { StreamContents } from '../pipeline/custom-format.js';

/** For tables where the first look cannot tell. */
export interface SecondLook {
  /** Reads a table of the copy with its columns in the given order. */
  inOrder(table: TableContent, columns: string): Promise<Pick<TableContent, 'rows' | 'content'>>;
  /** Compares a table that has a stream of its own row by row, whatever the order of the rows. */
  sameInAnyOrder(table: TableContent): Promise<boolean>;
}

const NO_SECOND_LOOK: SecondLook = {
  inOrder: (table) => Promise.resolve(table),
  sameInAnyOrder: () => Promise.resolve(false),
};

/** What differs between the data in the backup and in the restored copy; each entry names an object. */
export async function compareContents(
  backup: DatabaseContent,
  copy: StreamContents,
  look = NO_SECOND_LOOK,
): Promise<string[]> {
  return [
    ...(await compareTables(backup, copy.tables, look)),
    ...compareSequences(backup.sequences, copy.sequences),
    ...compareLargeObjects(backup.largeObjects, copy.largeObjects),
  ];
}

async function compareTables(
  { tables, withoutRows = [] }: Pick<DatabaseContent, 'tables' | 'withoutRows'>,
  copy: TableContent[],
  look: SecondLook,
): Promise<string[]> {
  const restored = new Map(copy.map((table) => [nameOf(table), table]));
  const differences: string[] = [];
  for (const table of tables) {
    const twin = restored.get(nameOf(table));
    restored.delete(nameOf(table));
    const difference = twin ? await compareTable(table, twin, look) : 'is missing';
    if (difference) differences.push(`table ${nameOf(table)} ${difference}`);
  }
  for (const name of withoutRows.map(nameOf)) if (restored.get(name)?.rows === 0) restored.delete(name);
  return [...differences, ...[...restored.keys()].map((name) => `table ${name} should not be there`)];
}

async function compareTable(table: TableContent, twin: TableContent, look: SecondLook): Promise<string | undefined> {
  let found: Pick<TableContent, 'rows' | 'content'> = twin;
  if (table.columns !== twin.columns) {
    // A child of an inherited table gets its parent's columns first, whatever their order was.
    if (!sameColumns(table.columns, twin.columns)) return 'has other columns';
    found = await look.inOrder(twin, table.columns);
  }
  if (found.rows !== table.rows) return `has ${found.rows} rows instead of ${table.rows}`;
  if (found.content === table.content) return undefined;
  // A server puts rows where it finds room: the order tells nothing.
  if (table.stream !== undefined && (await look.sameInAnyOrder(table))) return undefined;
  return 'has other content';
}

export function sameColumns(one: string, other: string): boolean {
  const sorted = (columns: string) => columns.split(', ').toSorted().join(', ');
  return sorted(one) === sorted(other);
}

function compareSequences(backup: SequenceContent[], copy: SequenceContent[]): string[] {
  const restored = new Map(copy.map((sequence) => [nameOf(sequence), sequence.state]));
  const differences = backup
    .filter((sequence) => restored.get(nameOf(sequence)) !== sequence.state)
    .map((sequence) => `sequence ${nameOf(sequence)} has another value`);
  for (const sequence of backup) restored.delete(nameOf(sequence));
  return [...differences, ...[...restored.keys()].map((name) => `sequence ${name} should not be there`)];
}

function compareLargeObjects(backup: LargeObjectContent, copy: LargeObjectContent): string[] {
  if (backup.count !== copy.count) return [`${copy.count} large objects instead of ${backup.count}`];
  return backup.content === copy.content ? [] : ['the content of large objects'];
}

function nameOf({ schema, name }: { schema: string; name: string }): string {
  return `${schema}.${name}`;
}
