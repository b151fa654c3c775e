import { newEvent, type RepositoryAdoptionView, type RepositoryFinding } from '@hozen/contracts';
import type { Outbox, Transaction } from '@hozen/messaging';
import type { DataSource } from 'typeorm';
import { parentOf, type Manifest } from '../artefact/manifest.js';
import { recordRange } from '../recovery/record-range.js';
import { traced } from '../runs/begin-attempt.js';
import { SOURCE } from '../runs/facts.js';
import { besides } from '../storage/artefact-paths.js';
import { readManifest } from '../storage/read-manifest.js';
import { readStorages, wrongSize, type FoundArtefact, type ScannedStorage } from './scan.js';

const INSERT_RUN = `
  INSERT INTO backup_runs
    (id, request_id, config_id, target_id, config_name, target_name, backup_level, backup_trigger, options, reason,
     state, queued_at, started_at, finished_at, parent_run_id, attempt)
  SELECT $1::uuid, 'adopted:' || $1::uuid, config.id, config.target_id, config.config_name, $3, $4, $5, '{}',
         'found in storage', 'completed', $6::timestamptz, $6::timestamptz, $7::timestamptz,
         (SELECT id FROM backup_runs WHERE id = $8), 1
    FROM backup_configs AS config WHERE config.config_name = $2
  ON CONFLICT (id) DO NOTHING
  RETURNING id`;

const INSERT_ARTEFACT = `
  INSERT INTO backup_artefacts
    (run_id, file_path, checksum_path, manifest_path, file_size, original_size, sha256)
  VALUES ($1, $2, $3, $4, $5, $6, $7)`;

/**
 * Writes down artefacts that stand in the storages of configs and that nothing is known of, as after the loss of the database: they
 * can be restored like any other. Only that they are there was looked at: they are unproven, and kept, until a verification has
 * read them. One of each is asked for.
 */
export async function adoptArtefacts(
  database: DataSource,
  outbox: Outbox,
  config: string | undefined,
): Promise<RepositoryAdoptionView> {
  const view: RepositoryAdoptionView = { adopted: [], refused: [] };
  for (const scanned of await readStorages(database, config)) {
    // What others build on comes first.
    const found = scanned.found.flatMap((each) => (each.manifest ? [{ ...each, manifest: each.manifest }] : []));
    found.sort((one, other) => one.manifest.committedAt.localeCompare(other.manifest.committedAt));
    for (const each of found) {
      const known = await database.query<unknown[]>('SELECT FROM backup_runs WHERE id = $1', [each.manifest.runId]);
      if (known.length > 0) continue;
      const refusal = await whyNot(scanned, each);
      if (refusal) view.refused.push(refusal);
      else if (await outbox.transaction((tx) => adopt(tx, each.path, each.manifest))) {
        view.adopted.push({ runId: each.manifest.runId, config: each.manifest.config, path: each.path });
      }
    }
  }
  return view;
}

async function whyNot(
  { configs }: ScannedStorage,
  { path, storage, manifest }: FoundArtefact & { manifest: Manifest },
): Promise<RepositoryFinding | undefined> {
  const about = { path, runId: manifest.runId, config: manifest.config };
  const spec = configs.find(({ name }) => name === manifest.config);
  if (!spec) return { kind: 'unknown', ...about, what: 'no config of this name stores here' };
  try {
    if (spec.signing) await readManifest(storage, path, spec.signing);
  } catch (error) {
    return { kind: 'changed', ...about, what: (error as Error).message };
  }
  const wrong = await wrongSize(storage, path, manifest.artefact.bytes);
  return wrong === undefined ? undefined : { kind: 'damaged', ...about, what: wrong };
}

/** @returns whether it was unknown until now */
async function adopt(tx: Transaction, path: string, manifest: Manifest): Promise<boolean> {
  const { runId, config, target, level, trigger, startedAt, committedAt, artefact } = manifest;
  const inserted = await tx.manager.query<unknown[]>(INSERT_RUN, [
    runId,
    config,
    target.name,
    level,
    trigger,
    startedAt,
    committedAt,
    parentOf(manifest)?.runId ?? null,
  ]);
  if (inserted.length === 0) return false;
  const { checksum, manifest: manifestPath } = besides(path);
  const sizes = [artefact.bytes, artefact.originalBytes, artefact.sha256];
  await tx.manager.query(INSERT_ARTEFACT, [runId, path, checksum, manifestPath, ...sizes]);
  await recordRange(tx.manager, manifest);
  const request = { run: runId, kind: 'spot', reason: 'found in storage', requestedBy: SOURCE } as const;
  await tx.publish(newEvent('verification.requested', request, { source: SOURCE, subject: runId, ...traced() }), {
    once: `adopted:${runId}`,
  });
  return true;
}
