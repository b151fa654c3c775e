import { HozenError, isRecord } from '@hozen/contracts';
import type { ArtefactFile } from '../artefact/artefact-file.js';
import type { StreamFacts, TableContent } from '../artefact/artefact-index.js';
import type { StoredPart } from '../parts/stored-part.js';

/** One database of an artefact, and the streams that it comes from. */
export interface StoredDatabase {
  folder: string;
  name: string;
  schema: StreamFacts;
  /** Streams of pg_dump with several tables, largest first. */
  data: StreamFacts[];
  /** Tables with a stream of their own, largest first. */
  tables: TableContent[];
  /** Where only a part of it is restored. */
  part?: StoredPart;
}

/** Every new server has these two. */
export function isInitial({ name }: Pick<StoredDatabase, 'name'>): boolean {
  return name === 'postgres' || name === 'template1';
}

/** What takes longest is begun first: others fill what it leaves free. */
export function largestFirst<T extends StoredDatabase>(databases: readonly T[]): T[] {
  return databases.toSorted((one, other) => bytesOf(other) - bytesOf(one));
}

/** Of what is restored of it, as it was read from the server. */
export function bytesOf({ part, data, tables, schema }: StoredDatabase): number {
  const streams = part?.content.tables ?? [...data, ...tables];
  return streams.reduce((sum, { bytes }) => sum + bytes, schema.bytes);
}

/** The same with no more than a part of it. */
export function onlyPart(database: StoredDatabase, part: StoredPart): StoredDatabase {
  const tables = part.content.tables.filter(({ stream }) => stream !== undefined);
  return { ...database, part, tables: tables.toSorted((a, b) => b.bytes - a.bytes) };
}

/** What cluster.json says of the server, as far as a restore needs it. */
export interface StoredCluster {
  superuser: string;
  tablespaces: { name: string; owner: string }[];
  settings: Record<string, string>;
}

/** The databases in an artefact, as its index and the names in it tell. */
export async function storedDatabases(file: ArtefactFile): Promise<StoredDatabase[]> {
  const folders = file.index.streams.flatMap(
    ({ name }) => /^(databases\/\d+)\/name(?:\.comment)?$/.exec(name)?.[1] ?? [],
  );
  const databases: StoredDatabase[] = [];
  for (const folder of folders.toSorted((a, b) => a.localeCompare(b))) {
    const content = file.index.databases.find((each) => each.folder === folder);
    const tables = (content?.tables ?? []).filter(({ stream }) => stream !== undefined);
    const own = new Set(tables.map(({ stream }) => stream));
    databases.push({
      folder,
      name: (await file.readFile(`${folder}/name`)).toString(),
      schema: file.stream(`${folder}/schema.dump`),
      data: file.index.streams
        .filter(({ name }) => name.startsWith(`${folder}/data-`) && !own.has(name))
        .toSorted((a, b) => b.bytes - a.bytes),
      tables: tables.toSorted((a, b) => b.bytes - a.bytes),
    });
  }
  return databases;
}

/** @throws HozenError ARTEFACT_CORRUPT */
export async function storedCluster(file: ArtefactFile): Promise<StoredCluster> {
  const text = (await file.readFile('cluster.json')).toString();
  try {
    const value: unknown = JSON.parse(text);
    if (isCluster(value)) return value;
  } catch (cause) {
    throw new HozenError('ARTEFACT_CORRUPT', { path: file.path, what: 'cluster.json: not JSON' }, { cause });
  }
  throw new HozenError('ARTEFACT_CORRUPT', { path: file.path, what: 'cluster.json' });
}

function isCluster(value: unknown): value is StoredCluster {
  if (!isRecord(value) || typeof value['superuser'] !== 'string' || !isRecord(value['settings'])) return false;
  const { settings, tablespaces } = value;
  if (!Object.values(settings).every((setting) => typeof setting === 'string')) return false;
  const isTablespace = (each: unknown) =>
    isRecord(each) && typeof each['name'] === 'string' && typeof each['owner'] === 'string';
  return Array.isArray(tablespaces) && tablespaces.every(isTablespace);
}
