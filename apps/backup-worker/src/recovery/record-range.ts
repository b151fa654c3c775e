import { formatLsn } from '@hozen/dbms';
import type { EntityManager } from 'typeorm';
import type { Manifest, ManifestMariadb } from '../artefact/manifest.js';
import { placeNumber } from '../methods/mariadb-binlog/binlog-place.js';

const INSERT = `
  INSERT INTO recovery_ranges
    (run_id, kind, system_identifier, first_timeline, timeline, start_lsn, end_lsn, up_to, last_transaction_at,
     restore_points, tablespaces, segment_bytes, follows_run_id, gap, begins_at, gtids)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb, $11::jsonb, $12, $13, $14::jsonb, $15, $16)`;

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
      null,
      null,
    ]);
  }
  if (physical) {
    const { timeline, startLsn, endLsn, combined } = physical;
    const at = combined?.at ?? manifest.committedAt;
    const range = [runId, 'copy', target.systemIdentifier, timeline, timeline, startLsn, endLsn, at];
    await manager.query(INSERT, [...range, null, '[]', '[]', null, null, null, null, null]);
  }
  if (manifest.mariadb) await recordBinlog(manager, manifest, manifest.mariadb);
}

/** Binary logs have no timelines: whether a log goes on from a copy is told by the server, the place, the time, and in the end the GTIDs. */
async function recordBinlog(
  manager: EntityManager,
  { runId, target, startedAt, committedAt }: Manifest,
  { binlog, binlogs }: ManifestMariadb,
): Promise<void> {
  const of = (kind: 'copy' | 'log') => [runId, kind, target.systemIdentifier, 1, 1];
  if (binlogs) {
    const { firstFile, lastFile, files, upTo, beginsAt, lastTransactionAt, gtids, follows, gap } = binlogs;
    // What comes next begins with the next file; a log without one ends where it begins.
    const end = placeNumber({ file: lastFile, position: 0 }) + placeNumber({ file: '.1', position: 0 });
    const start = files === 0 ? end : placeNumber({ file: firstFile, position: 0 });
    await manager.query(INSERT, [
      ...of('log'),
      formatLsn(start),
      formatLsn(end),
      upTo,
      lastTransactionAt ?? null,
      '[]',
      '[]',
      1,
      follows ?? null,
      gap ? JSON.stringify(gap) : null,
      beginsAt ?? null,
      gtids ?? null,
    ]);
  }
  if (binlog) {
    const place = formatLsn(placeNumber(binlog));
    const range = [...of('copy'), place, place, committedAt, null, '[]', '[]', null, null, null];
    await manager.query(INSERT, [...range, startedAt, binlog.gtid ?? '']);
  }
}
