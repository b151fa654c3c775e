import {
  HozenError,
  patternsOf,
  type NamePattern,
  type PartsPatterns,
  type PartsSpec,
  warningText,
} from '@hozen/contracts';
import { connect, type DatabaseFacts, type PostgresAddress, type TargetClient } from '@hozen/dbms';
import { databasePart, isEmpty, type DatabasePart } from './database-part.js';
import { matchPatterns } from './match-patterns.js';

/** What a config names of a server, as it is now. */
export interface ServerParts {
  databases: DatabaseFacts[];
  scopes: PatternScopes;
  /** Names of those that are left out whole. */
  leftOut: string[];
  /** Of the tables whose rows are wanted, on the server. */
  bytes: number;
  warnings: string[];
}

interface Server {
  address: PostgresAddress;
  /** Those that can be dumped. */
  databases: readonly DatabaseFacts[];
}

const BYTES = `SELECT coalesce(sum(pg_table_size(oid)), 0)::float8 AS bytes FROM unnest($1::oid[]) AS oid`;

/**
 * Finds out what of a server a config names.
 * @throws HozenError PARTS_UNMATCHED with every name that there is not, CONFIG_INVALID, and of the TARGET_ codes
 */
export async function serverParts(
  client: TargetClient,
  server: Server,
  spec: PartsSpec,
  applicationName: string,
): Promise<ServerParts> {
  const patterns = patternsOf(spec);
  const scopes = await PatternScopes.find(client, patterns);
  const candidates = server.databases.filter(({ name }) => scopes.isCandidate(name));
  const matched = new Set(scopes.matched);
  const databases: DatabaseFacts[] = [];
  let bytes = 0;
  for (const database of candidates) {
    const inside = scopes.patternsIn(database.name);
    if (!hasAny(inside)) {
      databases.push(database);
      bytes += database.bytes ?? 0;
      continue;
    }
    await using session = await connect(server.address, { applicationName, database: database.name });
    const part = await databasePart(session, inside);
    for (const pattern of insidePatterns(inside)) if (!part.unmatched.includes(pattern)) matched.add(pattern);
    if (isEmpty(part)) continue;
    databases.push(database);
    bytes += await bytesOf(session, part);
  }
  const unmatched = [...insidePatterns(patterns), ...patterns.include.databases, ...patterns.exclude.databases].filter(
    (pattern) => !matched.has(pattern),
  );
  // What nobody has now may come again: temporary tables, partitions of the future. A name is meant as it stands.
  const isFault = (pattern: NamePattern) => pattern.isExact || !isExcluded(pattern, patterns);
  const faults = unmatched.filter(isFault).map(described);
  if (faults.length > 0)
    throw new HozenError('PARTS_UNMATCHED', { target: server.address.target, what: faults.join(', ') });
  if (databases.length === 0) {
    throw new HozenError('PARTS_UNMATCHED', { target: server.address.target, what: 'everything is left out' });
  }
  const taken = new Set(databases.map(({ name }) => name));
  return {
    databases,
    scopes,
    leftOut: server.databases.map(({ name }) => name).filter((name) => !taken.has(name)),
    bytes,
    warnings: unmatched
      .filter((each) => !isFault(each))
      .map((each) => warningText('parts.nothing', { pattern: described(each) })),
  };
}

/** In which databases which patterns count. */
export class PatternScopes {
  private constructor(
    private readonly patterns: PartsPatterns,
    /** Of each pattern, the databases that it names: itself, or before its colon. */
    private readonly databases: ReadonlyMap<NamePattern, ReadonlySet<string>>,
  ) {}

  static async find(client: TargetClient, patterns: PartsPatterns): Promise<PatternScopes> {
    const { include, exclude } = patterns;
    const scoped = insidePatterns(patterns).flatMap((pattern) =>
      pattern.database === undefined ? [] : [{ pattern, scope: databaseOf(pattern.text, pattern.database) }],
    );
    const sought = [...include.databases, ...exclude.databases, ...scoped.map(({ scope }) => scope)];
    const found = await matchPatterns(client, sought);
    const databases = new Map([...found].map(([pattern, names]) => [pattern, new Set(names)]));
    for (const { pattern, scope } of scoped) databases.set(pattern, new Set(found.get(scope)));
    return new PatternScopes(patterns, databases);
  }

  /** Patterns of databases that match something. */
  get matched(): NamePattern[] {
    const { include, exclude } = this.patterns;
    return [...include.databases, ...exclude.databases].filter((each) => (this.databases.get(each)?.size ?? 0) > 0);
  }

  isCandidate(database: string): boolean {
    const { include, exclude } = this.patterns;
    if (exclude.databases.some((pattern) => this.databases.get(pattern)?.has(database))) return false;
    if (include.databases.length > 0) {
      return include.databases.some((pattern) => this.databases.get(pattern)?.has(database));
    }
    // Where every included schema and table stands in a database that is named, only those are meant.
    const inside = [...include.schemas, ...include.tables];
    return inside.length === 0 || inside.some((pattern) => this.#counts(pattern, database));
  }

  patternsIn(database: string): PartsPatterns {
    const { include, exclude } = this.patterns;
    const inside = (all: readonly NamePattern[]) => all.filter((pattern) => this.#counts(pattern, database));
    return {
      include: { databases: [], schemas: inside(include.schemas), tables: inside(include.tables) },
      exclude: {
        databases: [],
        schemas: inside(exclude.schemas),
        tables: inside(exclude.tables),
        rows: inside(exclude.rows),
      },
    };
  }

  #counts(pattern: NamePattern, database: string): boolean {
    return pattern.database === undefined || this.databases.get(pattern)?.has(database) === true;
  }
}

export function hasAny(patterns: PartsPatterns): boolean {
  return insidePatterns(patterns).length > 0;
}

function databaseOf(text: string, name: string): NamePattern {
  return { text, kind: 'database', name, isExact: false };
}

function insidePatterns({ include, exclude }: PartsPatterns): NamePattern[] {
  return [...include.schemas, ...include.tables, ...exclude.schemas, ...exclude.tables, ...exclude.rows];
}

function isExcluded(pattern: NamePattern, { exclude }: PartsPatterns): boolean {
  return Object.values(exclude).some((patterns) => patterns.includes(pattern));
}

function described({ kind, text }: NamePattern): string {
  return `${kind} ${text}`;
}

async function bytesOf(client: TargetClient, { wanted, withoutRows }: DatabasePart): Promise<number> {
  const empty = new Set(withoutRows.map(({ oid }) => oid));
  const oids = wanted.filter(({ kind, oid }) => kind === 'r' && !empty.has(oid)).map(({ oid }) => oid);
  const { rows } = await client.query<{ bytes: number }>(BYTES, [oids]);
  return rows[0]?.bytes ?? 0;
}
