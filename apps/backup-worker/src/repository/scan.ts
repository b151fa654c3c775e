import {
  asHozenError,
  storageLocation,
  type ConfigSpec,
  type RepositoryFinding,
  type RepositoryScanView,
} from '@hozen/contracts';
import { basename, dirname } from 'node:path';
import type { DataSource } from 'typeorm';
import type { Manifest } from '../artefact/manifest.js';
import { badView, badPartOf, type BadPart } from '../runs/bad-backups.js';
import { besides, dataPathOf, isDataPath, MANIFEST_SUFFIX, partialOwner } from '../storage/artefact-paths.js';
import { readManifest } from '../storage/read-manifest.js';
import { storageOf } from '../storage/storage-of.js';
import type { Storage } from '../storage/storage.js';

/** Requests to a storage at one time. */
const AT_ONCE = 8;

const CONFIGS = `SELECT spec FROM backup_configs WHERE $1::text IS NULL OR config_name = $1 ORDER BY config_name`;

const KNOWN = `
  SELECT artefact.run_id AS "runId", run.config_name AS "config", artefact.file_path AS "path", artefact.sha256,
         CASE WHEN artefact.bad_since IS NOT NULL THEN ${badPartOf('artefact.run_id')} END AS bad,
         deletion.run_id IS NOT NULL AS "deleted", deletion.deleted_at IS NOT NULL AS "gone"
    FROM backup_artefacts AS artefact
    JOIN backup_runs AS run ON run.id = artefact.run_id
    LEFT JOIN artefact_deletions AS deletion ON deletion.run_id = artefact.run_id`;

/** What they have published may not be written down yet. */
const AT_WORK = `SELECT id FROM backup_runs WHERE state IN ('queued', 'running')`;

export interface KnownArtefact {
  runId: string;
  config: string;
  path: string;
  sha256: string;
  /** A verification found it so. */
  bad: BadPart | null;
  /** Retention let it go; and it is gone. */
  deleted: boolean;
  gone: boolean;
}

/** A manifest that stands, or why it cannot be read. */
export interface FoundArtefact {
  path: string;
  storage: Storage;
  manifest?: Manifest;
  error?: string;
}

/** One storage of one or several configs. */
export interface ScannedStorage {
  location: string;
  configs: ConfigSpec[];
  found: FoundArtefact[];
  /** Data, or what belongs to data, that no manifest publishes. */
  orphans: string[];
  error?: string;
  /** There is no such folder: it was not made yet, or is not mounted. */
  isAbsent?: boolean;
}

/** Compares what the storages of configs hold with what is known. Reads manifests and sizes, and changes nothing. */
export async function scanRepository(database: DataSource, config: string | undefined): Promise<RepositoryScanView> {
  const scanned = await readStorages(database, config);
  const known = await database.query<KnownArtefact[]>(KNOWN);
  const atWork = new Set((await database.query<{ id: string }[]>(AT_WORK)).map(({ id }) => id));
  const byPath = new Map(known.map((each) => [each.path, each]));
  const findings: RepositoryFinding[] = [];
  const view: RepositoryScanView = { storages: [], findings };
  for (const { location, found, orphans, error, isAbsent } of scanned) {
    const below = known.filter(({ path, deleted }) => isBelow(path, location) && !deleted);
    // The first backup makes the folder.
    if (error !== undefined && !(isAbsent && below.length === 0)) {
      findings.push({ kind: 'unreachable', path: location, what: error });
      continue;
    }
    const bytes = found.reduce((sum, { manifest }) => sum + (manifest?.artefact.bytes ?? 0), 0);
    view.storages.push({ storage: location, artefacts: found.length, bytes });
    findings.push(...(await inTurn(found, (each) => findingsOf(each, byPath.get(each.path), atWork))).flat());
    findings.push(...orphans.flatMap((path) => orphanFinding(path, byPath.get(path))));
    const there = new Set(found.map(({ path }) => path));
    const missing = below.filter(({ path }) => !there.has(path));
    findings.push(
      ...missing.map(({ path, runId, config: name }) => ({ kind: 'missing' as const, path, runId, config: name })),
    );
  }
  return view;
}

/** Every storage once, with all its manifests. */
export async function readStorages(database: DataSource, config: string | undefined): Promise<ScannedStorage[]> {
  const rows = await database.query<{ spec: ConfigSpec }[]>(CONFIGS, [config ?? null]);
  const storages = new Map<string, ConfigSpec[]>();
  for (const { spec } of rows) {
    const location = storageLocation(spec.storage);
    storages.set(location, [...(storages.get(location) ?? []), spec]);
  }
  return Promise.all([...storages].map(([location, configs]) => readStorage(location, configs)));
}

async function readStorage(location: string, configs: ConfigSpec[]): Promise<ScannedStorage> {
  try {
    const [first] = configs;
    if (!first) return { location, configs, found: [], orphans: [] };
    const storage = storageOf(first.storage);
    const [published, others] = [new Set<string>(), new Set<string>()];
    // What is made just now stands beside its hidden files: see publish-in-order.ts.
    const unfinished = new Set<string>();
    for await (const path of storage.files()) {
      const partial = partialOwner(basename(path));
      const data = dataPathOf(path);
      if (partial) unfinished.add(dataPathOf(`${dirname(path)}/${partial.final}`));
      else if (path.endsWith(MANIFEST_SUFFIX)) published.add(data);
      else if (isDataPath(data)) others.add(data);
    }
    const left = [...others].filter((data) => !published.has(data) && !unfinished.has(data));
    // It may have been published while the files were listed.
    const texts = await inTurn(left, (data) => storage.readText(besides(data).manifest));
    const orphans = left.filter((_, index) => texts[index] === undefined);
    return { location, configs, found: await inTurn([...published], (path) => read(storage, path)), orphans };
  } catch (error) {
    const { message, cause } = asHozenError(error);
    const isAbsent = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    return { location, configs, found: [], orphans: [], error: message, isAbsent };
  }
}

async function read(storage: Storage, path: string): Promise<FoundArtefact> {
  try {
    const manifest = await readManifest(storage, path, undefined);
    return { path, storage, ...(manifest ? { manifest } : { error: 'the manifest went while it was looked at' }) };
  } catch (error) {
    return { path, storage, error: asHozenError(error).message };
  }
}

async function findingsOf(
  { path, storage, manifest, error }: FoundArtefact,
  known: KnownArtefact | undefined,
  atWork: ReadonlySet<string>,
): Promise<RepositoryFinding[]> {
  const about = known
    ? { path, runId: known.runId, config: known.config }
    : { path, ...(manifest ? { runId: manifest.runId, config: manifest.config } : {}) };
  if (!manifest) return [{ kind: 'damaged', ...about, what: error ?? '' }];
  if (!known && atWork.has(manifest.runId)) return [];
  if (known?.gone) return [{ kind: 'should-be-gone', ...about }];
  if (known?.deleted) return [];
  if (known && (manifest.runId !== known.runId || manifest.artefact.sha256 !== known.sha256)) {
    return [{ kind: 'changed', ...about, what: 'the manifest is another one than that of the run' }];
  }
  const wrong = await wrongSize(storage, path, manifest.artefact.bytes);
  if (wrong !== undefined) return [{ kind: 'damaged', ...about, what: wrong }];
  if (!known) return [{ kind: 'unknown', ...about }];
  if (!known.bad) return [];
  const { since, verification } = badView(known.runId, known.bad);
  return [{ kind: 'bad', ...about, what: `verification ${verification ?? '–'}, ${since}` }];
}

/** What is known is missing, or about to go. */
function orphanFinding(path: string, known: KnownArtefact | undefined): RepositoryFinding[] {
  if (!known) return [{ kind: 'unknown', path, what: 'no manifest belongs to it: it is no backup' }];
  return known.gone ? [{ kind: 'should-be-gone', path, runId: known.runId, config: known.config }] : [];
}

/** What is wrong with the data itself, as far as its size tells. */
export async function wrongSize(storage: Storage, path: string, bytes: number): Promise<string | undefined> {
  try {
    await using source = await storage.source(path, 'any');
    return source.size === bytes ? undefined : `it has ${source.size} bytes instead of ${bytes}`;
  } catch (error) {
    return asHozenError(error).message;
  }
}

function isBelow(path: string, location: string): boolean {
  return path.startsWith(location.endsWith('/') ? location : `${location}/`);
}

/** Some at a time, in order. */
export async function inTurn<T, R>(all: readonly T[], work: (each: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < all.length; at += AT_ONCE) {
    results.push(...(await Promise.all(all.slice(at, at + AT_ONCE).map(work))));
  }
  return results;
}
