import type { NamePattern, PartsPatterns } from '@hozen/contracts';
import { asTargetError, type TargetClient } from '@hozen/dbms';
import type { WantedEntries } from './choose-entries.js';
import { matchPatterns } from './match-patterns.js';

/** A table, or what has its name among those of tables. */
export interface RelationFacts {
  oid: string;
  schema: string;
  name: string;
  /** As in pg_class: `r` table, `p` partitioned, `v` view, `m` materialised, `S` sequence, `f` foreign. */
  kind: string;
  /** An extension made it, and makes it again. */
  ofExtension: boolean;
}

/** The part of one database that a config names, as it is now. */
export interface DatabasePart {
  /** What decides: only tables that are named, only schemas, or all but what is left out. */
  by: 'tables' | 'schemas' | 'all';
  wanted: RelationFacts[];
  leftOut: RelationFacts[];
  /** Wanted tables of which the definition is taken, and no rows. */
  withoutRows: RelationFacts[];
  /** The schemas that are taken whole, or left out whole. */
  schemas: string[];
  /** Patterns that match nothing here. */
  unmatched: NamePattern[];
}

const RELATIONS = `
SELECT c.oid::text AS "oid", n.nspname::text AS "schema", c.relname::text AS "name", c.relkind::text AS "kind",
  EXISTS (SELECT FROM pg_depend d
           WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') AS "ofExtension"
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 2, 3`;

/** Partitions and children of tables. */
const CHILDREN = `SELECT inhparent::text AS "of", inhrelid::text AS "it" FROM pg_inherits`;

/** Sequences that columns own, or take their defaults from: without their values the next row would be refused. */
const SEQUENCES = `
SELECT d.refobjid::text AS "of", d.objid::text AS "it"
FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
UNION
SELECT a.adrelid::text, d.refobjid::text
FROM pg_attrdef a
JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid AND d.refclassid = 'pg_class'::regclass
JOIN pg_class s ON s.oid = d.refobjid AND s.relkind = 'S'`;

interface Pair {
  of: string;
  it: string;
}

/**
 * Finds out what of a database is wanted. Where a table is named, its partitions and children are, too.
 * @param patterns those that count in this database
 * @throws HozenError CONFIG_INVALID, and of the TARGET_ codes
 */
export async function databasePart(client: TargetClient, patterns: PartsPatterns): Promise<DatabasePart> {
  const { include, exclude } = patterns;
  const matched = new Map([
    ...(await matchPatterns(client, include.tables)),
    ...(await matchPatterns(client, include.schemas)),
    ...(await matchPatterns(client, exclude.tables)),
    ...(await matchPatterns(client, exclude.schemas)),
    ...(await matchPatterns(client, exclude.rows)),
  ]);
  const found = (all: readonly NamePattern[]) => new Set(all.flatMap((pattern) => matched.get(pattern) ?? []));
  const relations = await rowsOf<RelationFacts>(client, RELATIONS);
  const children = grouped(await rowsOf<Pair>(client, CHILDREN));
  const named = (all: readonly NamePattern[]) => withDescendants(found(all), children);
  const [tables, notTables, notRows] = [named(include.tables), named(exclude.tables), named(exclude.rows)];
  const [schemas, notSchemas] = [found(include.schemas), found(exclude.schemas)];
  const by = include.tables.length > 0 ? 'tables' : include.schemas.length > 0 ? 'schemas' : 'all';
  const isWanted = ({ oid, schema }: RelationFacts) =>
    !notTables.has(oid) &&
    !notSchemas.has(schema) &&
    (by === 'all' || (by === 'tables' ? tables.has(oid) : schemas.has(schema)));
  const sequences = grouped(await rowsOf<Pair>(client, SEQUENCES));
  const wanted = new Set(relations.filter(isWanted).map(({ oid }) => oid));
  for (const { oid } of relations.filter(isWanted)) {
    for (const sequence of sequences.get(oid) ?? []) wanted.add(sequence);
  }
  const chosen = relations.filter(({ oid }) => wanted.has(oid));
  return {
    by,
    wanted: chosen,
    leftOut: relations.filter(({ oid }) => !wanted.has(oid)),
    withoutRows: chosen.filter(({ oid, kind }) => kind === 'r' && notRows.has(oid)),
    schemas: [...(by === 'all' ? notSchemas : schemas)].filter((each) => by === 'all' || !notSchemas.has(each)),
    unmatched: [...matched].filter(([, names]) => names.length === 0).map(([pattern]) => pattern),
  };
}

/** The same for the table of contents of its definitions. */
export function wantedEntries({ by, wanted, withoutRows, schemas }: DatabasePart): WantedEntries {
  const oids = new Set(wanted.map(({ oid }) => oid));
  const empty = new Set(withoutRows.map(({ oid }) => oid));
  const named = new Set(schemas);
  return {
    relation: ({ oid }) => oids.has(oid),
    rows: ({ oid }) => oids.has(oid) && !empty.has(oid),
    others: by === 'tables' ? 'needed' : (schema) => (schema !== undefined && named.has(schema)) === (by === 'schemas'),
  };
}

/** Whether an include pattern of the database matches something. */
export function isEmpty({ by, wanted, schemas }: DatabasePart): boolean {
  return by !== 'all' && wanted.length === 0 && schemas.length === 0;
}

function withDescendants(oids: Set<string>, children: ReadonlyMap<string, string[]>): Set<string> {
  const waiting = [...oids];
  for (let oid = waiting.pop(); oid !== undefined; oid = waiting.pop()) {
    const below = (children.get(oid) ?? []).filter((child) => !oids.has(child));
    for (const child of below) oids.add(child);
    waiting.push(...below);
  }
  return oids;
}

function grouped(pairs: readonly Pair[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const { of, it } of pairs) {
    const group = groups.get(of);
    if (group) group.push(it);
    else groups.set(of, [it]);
  }
  return groups;
}

async function rowsOf<T extends object>(client: TargetClient, sql: string): Promise<T[]> {
  try {
    return (await client.query<T & Record<string, unknown>>(sql)).rows;
  } catch (error) {
    throw asTargetError(error, client.address);
  }
}
