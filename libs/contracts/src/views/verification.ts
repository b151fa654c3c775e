import type { ErrorFacts, ProofFacts } from '../events/backup.js';
import type { TriedRecipient } from '../events/verification.js';
import type { RunState, Verdict, VerificationKind } from '../words.js';
import type { ProgressView } from './views.js';

/** A verification, as `GET /verifications/:id` answers. Times are RFC 3339. */
export interface VerificationView {
  id: string;
  requestId: string;
  kind: VerificationKind;
  /** What the drawing began with. */
  seed?: number;
  /** Of the kind `key`: where the private key is, and who can read the backup. */
  identity?: string;
  recipients?: TriedRecipient[];
  /** Run whose artefact is looked at. */
  runId: string;
  config: string;
  target: string;
  state: RunState;
  attempt: number;
  requestedBy?: string;
  reason?: string;
  queuedAt: string;
  startedAt?: string;
  finishedAt?: string;
  progress?: ProgressView;
  proof?: ProofFacts;
  /** Seconds until the content was restored and compared. */
  rtoSeconds?: number;
  /** Age of the newest state that could be restored when it began, in seconds. */
  rpoSeconds?: number;
  /** Of a failed one. */
  verdict?: Verdict;
  error?: ErrorFacts;
  traceId?: string;
}

export interface VerificationListView {
  verifications: VerificationView[];
}
