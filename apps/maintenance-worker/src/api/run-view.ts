import type { MaintenanceRunView, MaintenanceStepView, SafetyBackupView } from '@hozen/contracts';
import { traceIdOf } from '@hozen/telemetry';
import { isFinal } from '../runs/states.js';
import type { RunRow, StepRow } from '../store/rows.js';

/** Rows of our tables as the API shows them. What is not known is left out. */
export function runView(run: RunRow, steps?: readonly StepRow[]): MaintenanceRunView {
  const open = !isFinal(run.state);
  return {
    id: run.id,
    requestId: run.request_id,
    target: run.target_name,
    maintenanceType: run.maintenance_type,
    targetDatabases: run.target_databases,
    severityLevel: run.severity_level,
    state: run.state,
    acceptedAt: run.accepted_at.toISOString(),
    safetyBackup: backupView(run),
    ...optional('requestedBy', run.requested_by),
    ...optional('reason', run.reason),
    ...optional('startedAt', run.started_at?.toISOString()),
    ...optional('finishedAt', run.finished_at?.toISOString()),
    ...(open && run.owner === null ? { notBefore: run.not_before.toISOString() } : {}),
    ...(open ? optional('deadline', run.deadline?.toISOString()) : {}),
    ...(open ? optional('worker', run.owner) : {}),
    ...optional('steps', steps?.map(stepView)),
    ...optional('error', run.error),
    ...optional('traceId', traceIdOf(run.traceparent ?? undefined)),
  };
}

function backupView(run: RunRow): SafetyBackupView {
  return {
    config: run.backup_config,
    requestId: run.backup_request_id,
    ...optional('requestedAt', run.backup_requested_at?.toISOString()),
    ...(run.state === 'backing_up' ? optional('deadline', run.backup_deadline?.toISOString()) : {}),
    ...optional('runId', run.backup_run_id),
    ...optional('outcome', run.backup_outcome),
  };
}

function stepView(row: StepRow): MaintenanceStepView {
  return {
    step: row.step,
    kind: row.kind,
    database: row.database_name,
    object: `${row.schema_name}.${row.object_name}`,
    reason: row.reason,
    statement: row.statement,
    state: row.state,
    ...optional('startedAt', row.started_at?.toISOString()),
    ...optional('finishedAt', row.finished_at?.toISOString()),
    ...optional('outcome', row.outcome),
  };
}

function optional<K extends string, V>(key: K, value: V | null | undefined): { [P in K]?: V } {
  return value === null || value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
}
