import type { EntityManager } from 'typeorm';
import type { Manifest } from '../artefact/manifest.js';

const INSERT = `
  INSERT INTO recovery_ranges
    (run_id, kind, system_identifier, first_timeline, timeline, start_lsn, end_lsn, up_to, last_transaction_at,
     restore_points, tablespaces, segment_bytes, follows_run_id, gap)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb, $11::jsonb, $12, $13, $14::jsonb)`;

/** Writes down from where to where an artefact reaches, so that points in time are found without reading manifests. */
export async function recordRange(manager: EntityManager, manifest: Manifest): Promise<void> {
  const { runId, target, physical, wal } = manifest;
  const [first, last] = [wal?.ranges[0], wal?.ranges.at(-1)];
  if (wal && first && last) {
    await manager.query(INSERT, [
      runId,
      'log',
      target.systemIdentifier,
      first.timeline,
      last.timeline,
      first.startLsn,
      wal.wholeUntilLsn,
      wal.upTo,
      wal.lastTransactionAt ?? null,
      JSON.stringify(wal.restorePoints),
      JSON.stringify(wal.tablespaces),
      wal.segmentBytes,
      wal.follows?.runId ?? null,
      wal.gap ? JSON.stringify(wal.gap) : null,
    ]);
  }
  if (physical) {
    const { timeline, startLsn, endLsn } = physical;
    const range = [runId, 'copy', target.systemIdentifier, timeline, timeline, startLsn, endLsn, manifest.committedAt];
    await manager.query(INSERT, [...range, null, '[]', '[]', null, null, null]);
  }
}
