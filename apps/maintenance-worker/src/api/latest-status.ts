import { HozenError, type TargetStatusView, type TargetVerdict } from '@hozen/contracts';
import type { DataSource } from 'typeorm';

const LATEST_STATUS = `
  SELECT target_name, run_id, moment, taken_at, verdict, status FROM db_status
   WHERE target_name = $1 ORDER BY taken_at DESC, id DESC LIMIT 1`;

interface StatusRow {
  target_name: string;
  run_id: string;
  moment: 'before' | 'after';
  taken_at: Date;
  verdict: TargetVerdict;
  status: Record<string, unknown>;
}

/** The latest diagnosis of a target (API-335). @throws HozenError NOT_FOUND */
export async function latestStatus(database: DataSource, target: string): Promise<TargetStatusView> {
  const [row] = await database.query<StatusRow[]>(LATEST_STATUS, [target]);
  if (!row) throw new HozenError('NOT_FOUND', { what: 'diagnosis of target', id: target, list: 'maintenance' });
  return {
    target: row.target_name,
    runId: row.run_id,
    moment: row.moment,
    takenAt: row.taken_at.toISOString(),
    verdict: row.verdict,
    status: row.status,
  };
}
