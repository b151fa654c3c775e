import type {
  ErrorFacts,
  MaintenanceSeverity,
  MaintenanceState,
  MaintenanceStepKind,
  MaintenanceStepState,
  MaintenanceType,
} from '@hozen/contracts';

/** A row of `maintenance_runs`, as the SQL returns it. Bigints come as text from the driver. */
export interface RunRow {
  id: string;
  request_id: string;
  target_id: string | null;
  target_name: string;
  maintenance_type: MaintenanceType;
  target_databases: string[];
  severity_level: MaintenanceSeverity;
  requested_by: string | null;
  reason: string | null;
  traceparent: string | null;
  state: MaintenanceState;
  owner: string | null;
  epoch: string;
  lease_until: Date | null;
  not_before: Date;
  /** Set when the work begins. */
  deadline: Date | null;
  /** Times in a row it was taken over from a worker that died, without anything done in between. */
  takeovers: number;
  retries_used: Partial<Record<string, number>>;
  cancel_requested_at: Date | null;
  backup_config: string;
  /** Id of the `backup.requested` event; fixed from the beginning, so that asking again is asking once. */
  backup_request_id: string;
  backup_requested_at: Date | null;
  backup_deadline: Date | null;
  backup_outcome: BackupOutcome | null;
  backup_run_id: string | null;
  /** Why there is no safety backup, in the backup worker's words. */
  backup_fault: string | null;
  error: ErrorFacts | null;
  accepted_at: Date;
  started_at: Date | null;
  finished_at: Date | null;
}

export type BackupOutcome = 'completed' | 'failed' | 'rejected';

/** A row of `maintenance_steps`. */
export interface StepRow {
  run_id: string;
  step: number;
  kind: MaintenanceStepKind;
  database_name: string;
  schema_name: string;
  object_name: string;
  reason: string;
  statement: string;
  state: MaintenanceStepState;
  marks: RebuildMarks | null;
  outcome: string | null;
  started_at: Date | null;
  finished_at: Date | null;
}

/** Written before an index is rebuilt; what a rebuild leaves behind when it dies is told from the rest by it. */
export interface RebuildMarks {
  tableOid: number;
  indexOid: number;
  /** Other indexes of the table that were there before: never ours. */
  others: number[];
}
