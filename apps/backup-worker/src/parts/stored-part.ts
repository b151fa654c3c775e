import { nameMatcher, parseNamePattern, type NamedKind } from '@hozen/contracts';
import type { ArtefactFile } from '../artefact/artefact-file.js';
import type { DatabaseContent } from '../artefact/artefact-index.js';
import { noLargeObjects, type TocEntry } from '../pipeline/custom-format.js';
import { storedDefinitions } from '../restore/stored-definitions.js';
import { chooseEntries, isRelation, type ChosenEntries } from './choose-entries.js';

/** What of a stored database is wanted. */
export interface WantedParts {
  schemas?: readonly string[];
  tables?: readonly string[];
}

/** A part of a database in an artefact, such that it can be restored by itself. */
export interface StoredPart extends ChosenEntries {
  /** What the copy must hold. */
  content: DatabaseContent;
  /** Patterns that match nothing in the backup. */
  unmatched: string[];
}

/** @throws HozenError of the artefact */
export async function storedPart(file: ArtefactFile, folder: string, wanted: WantedParts): Promise<StoredPart> {
  const entries = await storedDefinitions(file, folder);
  const content = file.index.databases.find((each) => each.folder === folder);
  if (!content) throw new RangeError(`${folder} is not in the index`);
  return partOf(entries, content, wanted);
}

/** The same from what is in the artefact. */
export function partOf(entries: TocEntry[], stored: DatabaseContent, wanted: WantedParts): StoredPart {
  const { relations, unmatched } = wantedRelations(entries, wanted);
  const names = new Set(entries.filter(({ dumpId }) => relations.has(dumpId)).map(keyOfEntry));
  const isWanted = (each: { schema: string; name: string }) => names.has(keyOf(each));
  const tables = stored.tables.filter(isWanted);
  const withRows = new Set(tables.map(keyOf));
  const schemas = patternsOf(wanted.schemas, 'schema');
  const chosen = chooseEntries(entries, {
    relation: ({ dumpId }) => relations.has(dumpId),
    rows: (entry) => withRows.has(keyOfEntry(entry)),
    others: wanted.schemas ? (schema) => schema !== undefined && schemas.some(({ name }) => name(schema)) : 'needed',
  });
  const { folder, name } = stored;
  const sequences = stored.sequences.filter(isWanted);
  const content = { folder, name, tables, sequences, largeObjects: noLargeObjects(), withoutRows: chosen.withoutRows };
  return { ...chosen, content, unmatched };
}

/** By their number among the entries: those that match, their partitions and children, and the sequences of all of them. */
function wantedRelations(
  entries: readonly TocEntry[],
  wanted: WantedParts,
): { relations: Set<number>; unmatched: string[] } {
  const all = entries.filter(isRelation);
  const relations = new Set<number>();
  const unmatched: string[] = [];
  for (const { text, schema, name } of patternsOf(wanted.tables, 'table')) {
    const found = all.filter(({ namespace, tag }) => name(tag) && (schema?.(namespace ?? '') ?? true));
    for (const { dumpId } of found) relations.add(dumpId);
    if (found.length === 0) unmatched.push(text);
  }
  for (const { text, name } of patternsOf(wanted.schemas, 'schema')) {
    const found = all.filter(({ namespace }) => name(namespace ?? ''));
    for (const { dumpId } of found) relations.add(dumpId);
    const isThere = found.length > 0 || entries.some(({ desc, tag }) => desc === 'SCHEMA' && name(tag));
    if (!isThere) unmatched.push(text);
  }
  if (wanted.tables) addDescendants(entries, relations);
  addSequences(entries, relations);
  return { relations, unmatched };
}

/** A child needs its parent, and says that it is one; of partitions an entry of their own says so. */
function addDescendants(entries: readonly TocEntry[], relations: Set<number>): void {
  const partitions = new Set(entries.filter(({ desc }) => desc === 'TABLE ATTACH').map(keyOfEntry));
  const tables = entries.filter(({ desc }) => desc === 'TABLE' || desc === 'FOREIGN TABLE');
  const isTable = new Set(tables.map(({ dumpId }) => dumpId));
  const children = tables.filter((each) => partitions.has(keyOfEntry(each)) || each.defn?.includes('\nINHERITS ('));
  for (let again = true; again;) {
    again = false;
    for (const { dumpId, needs } of children) {
      if (relations.has(dumpId) || !needs.some((id) => isTable.has(id) && relations.has(id))) continue;
      relations.add(dumpId);
      again = true;
    }
  }
}

/** Sequences that belong to a wanted table, or that its defaults ask. */
function addSequences(entries: readonly TocEntry[], relations: Set<number>): void {
  const sequences = new Map(entries.filter(({ desc }) => desc === 'SEQUENCE').map((entry) => [entry.dumpId, entry]));
  const tables = entries.filter(({ desc, dumpId }) => desc === 'TABLE' && relations.has(dumpId));
  const isWanted = new Set(tables.map(({ dumpId }) => dumpId));
  const defaults = entries.filter(({ desc, needs }) => desc === 'DEFAULT' && needs.some((id) => isWanted.has(id)));
  for (const { needs } of [...tables, ...defaults]) for (const id of needs) if (sequences.has(id)) relations.add(id);
  for (const { dumpId, needs } of sequences.values()) if (needs.some((id) => isWanted.has(id))) relations.add(dumpId);
}

interface Expression {
  text: string;
  schema: ((name: string) => boolean) | undefined;
  name: (name: string) => boolean;
}

function patternsOf(texts: readonly string[] | undefined, kind: NamedKind): Expression[] {
  return (texts ?? []).map((text) => {
    const parsed = parseNamePattern(text, kind);
    if (typeof parsed === 'string') throw new RangeError(`${JSON.stringify(text)} ${parsed}`);
    const { schema, name } = parsed;
    return { text, schema: schema === undefined ? undefined : nameMatcher(schema), name: nameMatcher(name) };
  });
}

function keyOf({ schema, name }: { schema: string; name: string }): string {
  return JSON.stringify([schema, name]);
}

function keyOfEntry({ namespace, tag }: TocEntry): string {
  return keyOf({ schema: namespace ?? '', name: tag });
}
