import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { HozenError, warningText } from '@hozen/contracts';
import type { DatabaseContent } from '../artefact/artefact-index.js';
import type { ManifestLeftOut } from '../artefact/manifest.js';
import type { StreamWriter } from '../artefact/stream-writer.js';
import type { TableFacts } from '../methods/postgres-logical/tables.sql.js';
import type { StreamContents, TocEntry } from '../pipeline/custom-format.js';
import { partOfArchive } from '../pipeline/part-of-archive.js';
import { pourArchive, pourIntoFile, type StartedTool } from '../pipeline/pour.js';
import { chooseEntries, unrestorable, type ChosenEntries } from './choose-entries.js';
import { wantedEntries, type DatabasePart } from './database-part.js';
import { restArguments } from './rest-arguments.js';

/** Names of each kind that a manifest has. */
const NAMED = 500;

/** Dumps a part of a database in such a way that it can be restored by itself. */
export class DumpedPart {
  #chosen: ChosenEntries | undefined;
  /** There are some, and they are left out. */
  #largeObjects = false;

  constructor(
    private readonly database: string,
    private readonly part: DatabasePart,
  ) {}

  /** The tables whose rows are dumped. */
  withRows(tables: readonly TableFacts[]): TableFacts[] {
    const empty = new Set(this.part.withoutRows.map(({ oid }) => oid));
    const wanted = new Set(this.part.wanted.map(({ oid }) => oid).filter((oid) => !empty.has(oid)));
    return tables.filter(({ oid }) => wanted.has(String(oid)));
  }

  /** For pg_dump, of what has no stream of its own. */
  restArguments(encoding: string) {
    return (own: readonly { schema: string; name: string }[]) => restArguments(this.part, own, encoding);
  }

  /**
   * Takes all definitions of the database, and writes those that make the part.
   * @param spooled a file for them meanwhile
   */
  async takeDefinitions(
    started: StartedTool,
    stream: StreamWriter,
    spooled: string,
    onBytes: (bytes: number) => void,
  ): Promise<StreamContents> {
    try {
      const entries: TocEntry[] = [];
      const onEntry = (entry: TocEntry) => entries.push(entry);
      const content = await pourIntoFile(spooled, (file) => pourArchive(started, file, onBytes, onEntry));
      const chosen = (this.#chosen = chooseEntries(entries, wantedEntries(this.part)));
      this.#largeObjects = entries.some(isLargeObject) && !chosen.kept.some(isLargeObject);
      const kept = new Set(chosen.kept.map(({ dumpId }) => dumpId));
      for await (const piece of partOfArchive(createReadStream(spooled), kept)) await stream.write(piece);
      return content;
    } finally {
      await rm(spooled, { force: true });
    }
  }

  /**
   * What belongs to the content of the database beside its rows.
   * @throws HozenError TOOL_FAILED when pg_dump took other tables than those that are wanted
   */
  ended({ tables }: StreamContents): Pick<DatabaseContent, 'withoutRows'> {
    const empty = new Set(this.part.withoutRows.map(({ oid }) => oid));
    const wanted = this.part.wanted.filter(
      ({ oid, kind, ofExtension }) => kind === 'r' && !empty.has(oid) && !ofExtension,
    );
    // Names are in the encoding of the database there, and may look different: they are counted.
    const ofExtensions = this.part.wanted.filter(({ kind, ofExtension }) => kind === 'r' && ofExtension).length;
    const surplus = tables.length - wanted.length;
    if (surplus < 0 || surplus > ofExtensions) {
      const exit = `success, but with ${tables.length} tables instead of ${wanted.length}`;
      throw new HozenError('TOOL_FAILED', { tool: 'pg_dump', exit }, { detail: `database ${this.database}` });
    }
    return { withoutRows: this.#chosen?.withoutRows ?? [] };
  }

  /** For people. */
  leftOut(): ManifestLeftOut {
    const { leftOut } = this.part;
    const own = leftOut.filter(({ kind, ofExtension }) => kind !== 'S' && !ofExtension);
    return {
      database: this.database,
      tables: own.length,
      names: own.slice(0, NAMED).map(({ schema, name }) => `${schema}.${name}`),
      withoutRows: (this.#chosen?.withoutRows ?? []).slice(0, NAMED).map(({ schema, name }) => `${schema}.${name}`),
      unrestorable: this.#chosen ? unrestorable(this.#chosen).slice(0, NAMED) : [],
      largeObjects: this.#largeObjects,
    };
  }
}

/** What a run says of it. */
export function leftOutWarnings(part: ManifestLeftOut): string[] {
  const { database, tables, withoutRows, unrestorable, largeObjects } = part;
  const listed = (names: readonly string[]) => names.slice(0, 5).join(', ') + (names.length > 5 ? ', …' : '');
  return [
    ...(tables > 0 ? [warningText('parts.tables', { database, count: tables })] : []),
    ...(withoutRows.length > 0 ? [warningText('parts.without-rows', { database, names: listed(withoutRows) })] : []),
    ...(largeObjects ? [warningText('parts.large-objects', { database })] : []),
    ...(unrestorable.length > 0 ? [warningText('parts.needs', { database, names: listed(unrestorable) })] : []),
  ];
}

function isLargeObject({ desc }: TocEntry): boolean {
  return desc.startsWith('BLOB');
}
