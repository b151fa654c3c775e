import { createHash, type Hash } from 'node:crypto';
import { DumpScanner, type BinlogPosition, type DumpPart } from './dump-scanner.js';

/** What `content.json` says of a dump. */
export interface StoredContent extends DumpContent {
  databases: DatabaseSettings[];
}

/** What a database itself is made with. */
export interface DatabaseSettings {
  name: string;
  /** Its character set. */
  encoding: string;
  collation: string;
  comment: string;
}

/** What a dump holds, table by table: the text of its rows, and per database that of everything else. */
export interface DumpContent {
  tables: { database: string; table: string; bytes: number; sha256: string }[];
  definitions: { database: string; bytes: number; sha256: string }[];
  /** Where in the binary log the moment of the dump lies. */
  binlog?: BinlogPosition;
}

/** Every dump ends with this, or it was cut off. */
const END_MARK = '/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;';

interface Sum {
  hash: Hash;
  bytes: number;
}

/**
 * Reads the output of mariadb-dump or mysqldump as it comes. A dump that is made again of what was restored from it gives the same
 * content: that is the proof. The lines that name the database itself do not count, so that it may have another name.
 */
export class DumpContentReader {
  readonly #tables: (Sum & { database: string; table: string })[] = [];
  readonly #definitions = new Map<string, Sum>();
  #binlog: Partial<BinlogPosition> = {};
  readonly #scanner = new DumpScanner((bytes, part) => this.#take(bytes, part));

  /** @param chunk is not kept */
  push(chunk: Buffer): void {
    this.#scanner.push(chunk);
  }

  /** @throws RangeError when it was cut off */
  end(): DumpContent {
    this.#scanner.end();
    if (this.#scanner.lastLine !== END_MARK) throw new RangeError('the dump is cut off');
    const { file, position } = this.#binlog;
    return {
      tables: this.#tables.map(({ database, table, ...sum }) => ({ database, table, ...digested(sum) })),
      definitions: [...this.#definitions].map(([database, sum]) => ({ database, ...digested(sum) })),
      ...(file !== undefined && position !== undefined ? { binlog: { ...this.#binlog, file, position } } : {}),
    };
  }

  #take(bytes: Buffer, part: DumpPart): void {
    if (part.kind === 'blank' || part.kind === 'use' || part.kind === 'create') return;
    if (part.kind === 'position') {
      const { kind: _, ...found } = part;
      Object.assign(this.#binlog, found);
      return;
    }
    if (part.kind === 'rows') return add(this.#tables.at(-1), bytes);
    if (part.kind === 'lock') this.#tables.push({ database: part.database, table: part.table, ...newSum() });
    const sum = this.#definitions.get(part.database) ?? newSum();
    this.#definitions.set(part.database, sum);
    add(sum, bytes);
  }
}

/** What is said of some databases alone, under the names that they have in a copy. */
export function contentUnder(content: DumpContent, names: ReadonlyMap<string, string>): DumpContent {
  const under = <T extends { database: string }>(all: readonly T[]) =>
    all.flatMap((each) => {
      const database = names.get(each.database);
      return database === undefined ? [] : [{ ...each, database }];
    });
  return { tables: under(content.tables), definitions: under(content.definitions) };
}

/** Of what databases themselves are made with. */
export function settingsDifferences(
  expected: readonly DatabaseSettings[],
  found: readonly DatabaseSettings[],
): string[] {
  const text = ({ name, encoding, collation, comment }: DatabaseSettings) =>
    JSON.stringify([name, encoding, collation, comment]);
  const there = new Set(found.map(text));
  return expected.filter((each) => !there.has(text(each))).map(({ name }) => `settings of ${name}`);
}

/** What differs, by name; nothing where both are the same. */
export function differencesOf(expected: DumpContent, found: DumpContent): string[] {
  const named = (content: DumpContent) =>
    new Map([
      ...content.definitions.map((each) => [`definitions of ${each.database || 'the server'}`, each.sha256] as const),
      ...content.tables.map((each) => [`${each.database}.${each.table}`, each.sha256] as const),
    ]);
  const [one, other] = [named(expected), named(found)];
  return [...new Set([...one.keys(), ...other.keys()])].filter((name) => one.get(name) !== other.get(name));
}

function newSum(): Sum {
  return { hash: createHash('sha256'), bytes: 0 };
}

function add(sum: Sum | undefined, bytes: Buffer): void {
  if (!sum) return;
  sum.hash.update(bytes);
  sum.bytes += bytes.length;
}

function digested({ hash, bytes }: Sum): { bytes: number; sha256: string } {
  return { bytes, sha256: hash.digest('hex') };
}
