import { randomUUID } from 'node:crypto';
import {
  errorMessage,
  newEvent,
  type EventOf,
  type MaintenanceRequested,
  type MaintenanceType,
  type Reason,
  refusalText,
} from '@hozen/contracts';
import type { Transaction } from '@hozen/messaging';
import { SOURCE } from '../runs/facts.js';
import { traced } from '../runs/traced.js';
import { backupRequestIdOf } from './backup-request-id.js';

/** Types that can be carried out. */
const SUPPORTED: readonly MaintenanceType[] = ['optimize'];

/** PostgreSQL cuts longer names silently (NAMEDATALEN - 1). */
const LONGEST_NAME_BYTES = 63;

const FIND_TARGET = `
  SELECT target.id, settings.backup_config
    FROM maintenance_targets AS target LEFT JOIN maintenance_settings AS settings ON settings.target_id = target.id
   WHERE target.target_name = $1`;

interface TargetRow {
  id: string;
  backup_config: string | null;
}

/** The request id is unique: whatever happens to the inbox, a request is one run. */
const INSERT_RUN = `
  INSERT INTO maintenance_runs
    (id, request_id, target_id, target_name, maintenance_type, target_databases, severity_level, backup_config,
     backup_request_id, requested_by, reason, traceparent)
  VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7, $8, $9, $10, $11, $12)
  ON CONFLICT (request_id) DO NOTHING
  RETURNING id`;

/**
 * The request becomes a run and `maintenance.accepted`, or `maintenance.rejected` with every reason. Whether the named
 * databases exist is seen when the target is looked at, not here: it may be down at this moment.
 */
export async function acceptRequest(tx: Transaction, event: EventOf<'maintenance.requested'>): Promise<void> {
  const request = event.data;
  const [target] = await tx.manager.query<TargetRow[]>(FIND_TARGET, [request.target]);
  const backupConfig = request.backupConfig ?? target?.backup_config ?? undefined;
  const reasons = refusals(request, target, backupConfig);
  if (!target || !backupConfig || reasons.length > 0) return tx.reject(event, reasons);
  const run = {
    runId: randomUUID(),
    requestId: event.id,
    target: request.target,
    maintenanceType: request.maintenanceType,
    targetDatabases: [...new Set(request.targetDatabases)],
    severityLevel: request.severityLevel,
  };
  const inserted = await tx.manager.query<unknown[]>(INSERT_RUN, [
    run.runId,
    run.requestId,
    target.id,
    run.target,
    run.maintenanceType,
    JSON.stringify(run.targetDatabases),
    run.severityLevel,
    backupConfig,
    backupRequestIdOf(run.runId),
    request.requestedBy ?? null,
    request.reason ?? null,
    traced().traceparent ?? null,
  ]);
  if (inserted.length === 0) return;
  await tx.publish(newEvent('maintenance.accepted', run, { source: SOURCE, subject: run.runId, ...traced() }));
}

function refusals(request: MaintenanceRequested, target: TargetRow | undefined, config: string | undefined): Reason[] {
  const { maintenanceType: type } = request;
  return [
    ...(target ? [] : [{ field: 'target', value: request.target, message: refusalText('no-target') }]),
    ...(SUPPORTED.includes(type)
      ? []
      : [
          {
            field: 'maintenanceType',
            value: type,
            message: errorMessage('en', 'MAINTENANCE_TYPE_UNSUPPORTED', { type, allowed: SUPPORTED.join(', ') }),
          },
        ]),
    ...request.targetDatabases.flatMap((value, index) =>
      Buffer.byteLength(value) <= LONGEST_NAME_BYTES && !value.includes('\0')
        ? []
        : [{ field: `targetDatabases.${index}`, value, message: refusalText('no-database-name') }],
    ),
    ...(target && !config
      ? [
          {
            field: 'backupConfig',
            message: refusalText('no-safety-config'),
          },
        ]
      : []),
  ];
}
