import type { ErrorFacts } from '../events/backup.js';
import type {
  MaintenanceSeverity,
  MaintenanceState,
  MaintenanceStepKind,
  MaintenanceStepState,
  MaintenanceType,
  TargetVerdict,
} from '../words.js';

/** One planned piece of work of a maintenance run, in the order of the work. Times are RFC 3339. */
export interface MaintenanceStepView {
  step: number;
  kind: MaintenanceStepKind;
  database: string;
  /** Schema-qualified name of the table or index. */
  object: string;
  /** Why it is done. */
  reason: string;
  /** The statement, as it is sent to the server. */
  statement: string;
  state: MaintenanceStepState;
  startedAt?: string;
  finishedAt?: string;
  /** What came of it, or why it failed. */
  outcome?: string;
}

/** What the run knows of its safety backup. */
export interface SafetyBackupView {
  config: string;
  /** Id of the `backup.requested` event. */
  requestId: string;
  requestedAt?: string;
  /** An answer is awaited until then. */
  deadline?: string;
  /** Run of the backup worker; absent until it has answered. */
  runId?: string;
  outcome?: 'completed' | 'failed' | 'rejected';
}

/** A maintenance run, as `GET /maintenance/:id` answers. Times are RFC 3339. */
export interface MaintenanceRunView {
  id: string;
  requestId: string;
  target: string;
  maintenanceType: MaintenanceType;
  targetDatabases: string[];
  severityLevel: MaintenanceSeverity;
  state: MaintenanceState;
  requestedBy?: string;
  reason?: string;
  acceptedAt: string;
  startedAt?: string;
  finishedAt?: string;
  /** When it may go on: set between tries. */
  notBefore?: string;
  /** When it is ended as timed out. */
  deadline?: string;
  worker?: string;
  safetyBackup: SafetyBackupView;
  /** Left out in lists. */
  steps?: MaintenanceStepView[];
  error?: ErrorFacts;
  traceId?: string;
}

export interface MaintenanceRunListView {
  runs: MaintenanceRunView[];
  /** Pass as `before` to get the next page. */
  next?: string;
}

/** The latest diagnosis of a target (API-335). */
export interface TargetStatusView {
  target: string;
  runId: string;
  /** Taken before the maintenance or after it. */
  moment: 'before' | 'after';
  takenAt: string;
  verdict: TargetVerdict;
  status: Record<string, unknown>;
}
