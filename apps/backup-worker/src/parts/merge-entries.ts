import type { TocEntry } from '../pipeline/custom-format.js';
import { isOfDatabaseItself } from '../restore/stored-definitions.js';
import { isAttached, isRelation } from './choose-entries.js';
import type { StoredPart } from './stored-part.js';

/** What of a part is made in a database that has something already. */
export interface MergedEntries {
  made: TocEntry[];
  /** `schema.name` of tables, indexes and their like that are wanted and there already. */
  taken: string[];
  /** What the part needs, is there, and is defined differently. */
  different: string[];
}

const SETTINGS = new Set(['ENCODING', 'STDSTRINGS', 'SEARCHPATH']);

/**
 * What the wanted tables need and the database has is used as it is; what is wanted itself must not be there.
 * @param there the definitions of the database
 */
export function mergeEntries(part: StoredPart, there: readonly TocEntry[]): MergedEntries {
  const found = new Map(there.map((entry) => [keyOf(entry), entry]));
  const names = new Set(there.flatMap((entry) => nameAmongTables(entry, there)));
  const withoutRows = new Set(part.withoutRows.map(({ schema, name }) => `${schema}.${name}`));
  const all = part.kept.filter((entry) => !isOfDatabaseItself(entry));
  const used = new Set<number>();
  const different: string[] = [];
  const taken: string[] = [];
  for (const entry of all.filter((each) => !SETTINGS.has(each.desc) && !isAttached(each))) {
    const twin = found.get(keyOf(entry));
    const isWanted = isRelation(entry) && !withoutRows.has(`${entry.namespace}.${entry.tag}`);
    if (isWanted) {
      taken.push(...nameAmongTables(entry, all).filter((name) => names.has(name)));
    } else if (twin) {
      used.add(entry.dumpId);
      if (twin.defn !== entry.defn) different.push(`${entry.desc.toLowerCase()} ${entry.tag}`);
    }
  }
  const made = all.filter((entry) => !used.has(entry.dumpId) && !isOnlyOf(entry, used));
  const indexes = made.filter(isAttached).flatMap((entry) => nameAmongTables(entry, all));
  return { made, taken: [...new Set([...taken, ...indexes.filter((name) => names.has(name))])], different };
}

/** A comment or an index of something that is there: that has its own. */
function isOnlyOf(entry: TocEntry, used: ReadonlySet<number>): boolean {
  return isAttached(entry) && entry.needs.length > 0 && entry.needs.every((id) => used.has(id));
}

function keyOf({ desc, namespace, tag }: TocEntry): string {
  return JSON.stringify([desc, namespace ?? '', tag]);
}

/** Tables, their indexes, and what is like them have their names in one place. */
function nameAmongTables(entry: TocEntry, all: readonly TocEntry[]): string[] {
  const { desc, namespace, tag, needs, defn } = entry;
  if (isRelation(entry) || desc === 'INDEX') return [`${namespace}.${tag}`];
  if (desc !== 'CONSTRAINT' || !/ (?:PRIMARY KEY|UNIQUE|EXCLUDE) /.test(defn ?? '')) return [];
  // Its tag is the table's name and its own.
  const table = all.find((each) => each.desc === 'TABLE' && needs.includes(each.dumpId));
  return table ? [`${namespace}.${tag.slice(table.tag.length + 1)}`] : [];
}
