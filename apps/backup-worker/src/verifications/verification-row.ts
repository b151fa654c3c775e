import type {
  ErrorFacts,
  ProgressView,
  ProofFacts,
  RunState,
  TriedRecipient,
  Verdict,
  VerificationFacts,
  VerificationKind,
} from '@hozen/contracts';

/** A row of `verifications`. Bigints come as text from the driver. */
export interface VerificationRow {
  id: string;
  request_id: string;
  kind: VerificationKind;
  seed: number | null;
  /** Reference to the private key that is tried. */
  identity: string | null;
  recipients: TriedRecipient[] | null;
  run_id: string;
  config_name: string;
  target_name: string;
  requested_by: string | null;
  reason: string | null;
  traceparent: string | null;
  state: RunState;
  owner: string | null;
  epoch: string;
  attempt: number;
  cancel_requested_at: Date | null;
  progress: ProgressView | null;
  suspicion: ErrorFacts | null;
  proof: ProofFacts | null;
  rto_seconds: number | null;
  rpo_seconds: number | null;
  verdict: Verdict | null;
  error: ErrorFacts | null;
  queued_at: Date;
  started_at: Date | null;
  finished_at: Date | null;
}

/** What names the verification in every event of it. */
export function verificationFacts(row: VerificationRow): Pick<VerificationFacts, keyof VerificationFacts> {
  return {
    verificationId: row.id,
    requestId: row.request_id,
    runId: row.run_id,
    config: row.config_name,
    target: row.target_name,
    kind: row.kind,
    ...(row.seed === null ? {} : { seed: row.seed }),
  };
}
