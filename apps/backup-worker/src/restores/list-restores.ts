import { HozenError, type RestoreView, type RestoreWatchView } from '@hozen/contracts';
import type { Outbox } from '@hozen/messaging';
import { traceIdOf } from '@hozen/telemetry';
import type { DataSource, EntityManager } from 'typeorm';
import type { WatchRow } from '../performance/watch-row.js';
import { finishNotRestored } from './finish-restore.js';
import type { RestoreRow } from './restore-row.js';

const WITH_WATCH =
  'SELECT restores.*, to_jsonb(watch) AS watch FROM restores LEFT JOIN performance_watches AS watch ON watch.restore_id = restores.id';
const LIST = `${WITH_WATCH} ORDER BY queued_at DESC, id DESC LIMIT $1`;
const FIND = `${WITH_WATCH} WHERE id::text = $1 OR request_id = $1 ORDER BY (id::text = $1) DESC LIMIT 1`;
const SHOWN = 50;

/** The latest restores, newest first (API-308). */
export async function listRestores(database: DataSource): Promise<RestoreView[]> {
  return (await database.query<RestoreRow[]>(LIST, [SHOWN])).map(restoreView);
}

/** By its own id or that of its request. @throws HozenError NOT_FOUND */
export async function findRestore(database: DataSource, id: string): Promise<RestoreView> {
  return restoreView(await findRestoreRow(database.manager, id));
}

/** @throws HozenError NOT_FOUND */
export async function findRestoreRow(manager: EntityManager, id: string): Promise<RestoreRow> {
  const rows = id.includes('\0') ? [] : await manager.query<RestoreRow[]>(FIND, [id]);
  if (!rows[0]) throw new HozenError('NOT_FOUND', { what: 'restore', id, list: 'restores' });
  return rows[0];
}

const ASK_TO_CANCEL = `
  UPDATE restores SET cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp())
   WHERE id = $1 AND state IN ('queued', 'running')
  RETURNING *`;

/** A running one sees it at its next renewal; one that waits ends here. What has ended is left as it is. */
export async function cancelRestore(outbox: Outbox, id: string): Promise<void> {
  await outbox.transaction(async (tx) => {
    const [rows] = await tx.manager.query<[RestoreRow[], number]>(ASK_TO_CANCEL, [id]);
    const row = rows[0];
    if (row?.state === 'queued' && row.attempt === 0) await finishNotRestored(tx, row, new HozenError('CANCELLED'));
  });
}

function restoreView(row: RestoreRow): RestoreView {
  const traceId = traceIdOf(row.traceparent ?? undefined);
  return {
    id: row.id,
    requestId: row.request_id,
    runId: row.run_id,
    config: row.config_name,
    target: row.target_name,
    databases: row.databases,
    ...(row.directory === null ? {} : { directory: row.directory }),
    ...(row.whole ? { whole: true as const } : {}),
    ...(row.in_place ? inPlaceView(row) : {}),
    ...(row.watch ? { watch: watchView(row.watch) } : {}),
    ...(row.allow.length > 0 ? { allow: row.allow } : {}),
    ...(row.point ? { point: row.point } : {}),
    ...(row.reached ? { reached: row.reached } : {}),
    state: row.state,
    attempt: row.attempt,
    queuedAt: row.queued_at.toISOString(),
    warnings: row.warnings,
    ...(row.requested_by === null ? {} : { requestedBy: row.requested_by }),
    ...(row.reason === null ? {} : { reason: row.reason }),
    ...(row.started_at ? { startedAt: row.started_at.toISOString() } : {}),
    ...(row.finished_at ? { finishedAt: row.finished_at.toISOString() } : {}),
    ...(row.state === 'running' && row.progress ? { progress: row.progress } : {}),
    ...(row.result ? { result: row.result } : {}),
    ...(row.error ? { error: row.error } : {}),
    ...(traceId === undefined ? {} : { traceId }),
  };
}

/** Times come as text out of JSON. */
function watchView({
  state,
  threshold_percent: thresholdPercent,
  ends_at: endsAt,
  outside,
  verdict,
}: WatchRow): RestoreWatchView {
  return {
    state,
    thresholdPercent,
    ...(endsAt ? { until: new Date(endsAt).toISOString() } : {}),
    deviations: outside,
    ...(verdict ? { verdict } : {}),
  };
}

function inPlaceView(row: RestoreRow): Partial<RestoreView> {
  return {
    ...(row.delta ? { delta: true } : { inPlace: true }),
    ...(row.plan_hash === null ? {} : { planHash: row.plan_hash }),
    ...(row.approval_until ? { approvalUntil: row.approval_until.toISOString() } : {}),
    ...(row.approval ? { approval: row.approval } : {}),
  };
}
