import type { ArtefactView, AttemptView, CopyState, CopyView, ResourceUseView, RunView } from '@hozen/contracts';
import { traceIdOf } from '@hozen/telemetry';
import { badView, type BadPart } from '../runs/bad-backups.js';
import type { RunRow, StoredProof } from '../store/entities.js';

export interface AttemptRow {
  run_id: string;
  attempt: number;
  worker: string;
  backup_status: 'running' | 'success' | 'failure';
  error_message: string | null;
  started_at: Date;
  finished_at: Date | null;
  resources: ResourceUseView | null;
}

export interface ArtefactRow {
  run_id: string;
  file_path: string;
  checksum_path: string;
  manifest_path: string;
  file_size: string;
  original_size: string;
  sha256: string;
  /** Of one that was found in storage, and that nobody has read yet, there is none. */
  proof: StoredProof | null;
  proven_at: Date | null;
  bad: BadPart | null;
  hold_reason: string | null;
  held_by: string | null;
  held_at: Date | null;
  decided_at: Date | null;
  deleted_at: Date | null;
  copy: { path: string; state: CopyState; attempts: number; error: string | null; standingSince: string | null } | null;
}

/** Rows of our tables as the API shows them. What is not known is left out. */
export function runView(run: RunRow, attempts: AttemptRow[], artefact: ArtefactRow | undefined): RunView {
  return {
    id: run.id,
    requestId: run.request_id,
    config: run.config_name,
    target: run.target_name,
    level: run.backup_level,
    trigger: run.backup_trigger,
    state: run.state,
    queuedAt: run.queued_at.toISOString(),
    attempts: attempts.map(attemptView),
    warnings: run.warnings,
    ...(run.record_id === null ? {} : { recordId: Number(run.record_id) }),
    ...optional('parentRunId', run.parent_run_id),
    ...optional('requestedBy', run.requested_by),
    ...optional('reason', run.reason),
    ...optional('startedAt', run.started_at?.toISOString()),
    ...optional('finishedAt', run.finished_at?.toISOString()),
    ...(run.state === 'queued' ? { notBefore: run.not_before.toISOString() } : {}),
    ...(run.state === 'running' ? optional('progress', run.progress) : {}),
    ...optional('artefact', artefact && artefactView(artefact)),
    ...optional('bytesPerSecond', run.bytes_per_second),
    ...optional('error', run.error),
    ...optional('traceId', traceIdOf(run.traceparent ?? undefined)),
  };
}

function attemptView(row: AttemptRow): AttemptView {
  return {
    attempt: row.attempt,
    startedAt: row.started_at.toISOString(),
    status: row.backup_status,
    worker: row.worker,
    ...optional('finishedAt', row.finished_at?.toISOString()),
    ...optional('error', row.error_message),
    ...optional('resources', row.resources),
  };
}

function artefactView(row: ArtefactRow): ArtefactView {
  return {
    path: row.file_path,
    checksumPath: row.checksum_path,
    manifestPath: row.manifest_path,
    bytes: Number(row.file_size),
    originalBytes: Number(row.original_size),
    sha256: row.sha256,
    ...(row.proof && row.proven_at ? { proof: { ...row.proof, provenAt: row.proven_at.toISOString() } } : {}),
    ...optional('bad', row.bad && badView(row.run_id, row.bad)),
    ...(row.hold_reason !== null && row.held_at
      ? { held: { reason: row.hold_reason, ...optional('by', row.held_by), since: row.held_at.toISOString() } }
      : {}),
    ...optional('copy', row.copy && copyView(row.copy)),
    ...optional('expiredAt', row.decided_at?.toISOString()),
    ...optional('deletedAt', row.deleted_at?.toISOString()),
  };
}

function copyView({ path, state, attempts, error, standingSince }: NonNullable<ArtefactRow['copy']>): CopyView {
  return { path, state, attempts, ...optional('error', error), ...optional('standingSince', standingSince) };
}

function optional<K extends string, V>(key: K, value: V | null | undefined): { [P in K]?: V } {
  return value === null || value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
}
