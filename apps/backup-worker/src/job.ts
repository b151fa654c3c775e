import type {
  BackupLevel,
  BackupTrigger,
  ConfigSpec,
  ProgressView,
  ProofLevel,
  RunPhase,
  TargetSpec,
} from '@hozen/contracts';
import type { Logger } from '@hozen/telemetry';

/** What one attempt of a run works on. */
export interface BackupJob {
  runId: string;
  /** Fencing number of the claim: a later owner of the run has a higher one. */
  epoch: number;
  attempt: number;
  /** Start of the run, not of the attempt: it is part of the artefact's name. */
  startedAt: Date;
  target: TargetSpec;
  config: ConfigSpec;
  level: BackupLevel;
  trigger: BackupTrigger;
  compress: boolean;
  proof: ProofLevel;
  /** Private to this run and epoch, and exists. */
  spoolDir: string;
}

/** On whose behalf sessions on a server are opened: their names carry run and epoch. */
export interface SessionOwner {
  runId: string;
  epoch: number;
  config: Pick<ConfigSpec, 'jobs' | 'lockWaitSeconds'>;
}

/** How an attempt talks to the run that it belongs to. */
export interface AttemptContext {
  /** Aborted when the attempt is to stop: lease lost, cancelled, timed out, shutting down. */
  signal: AbortSignal;
  progress(update: Partial<ProgressView> & { phase: RunPhase }): void;
  /** @throws HozenError LEASE_LOST */
  ensureLease(): void;
  log: Logger;
}
