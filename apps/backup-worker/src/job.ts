import type {
  AnyTargetSpec,
  BackupLevel,
  BackupTrigger,
  ConfigSpec,
  ProgressView,
  ProofLevel,
  RunPhase,
} from '@hozen/contracts';
import type { Logger } from '@hozen/telemetry';
import type { SpaceNeed } from './admission/file-systems.js';
import type { Pace } from './resources/pace.js';

/** What one attempt of a run works on. */
export interface BackupJob {
  runId: string;
  /** Fencing number of the claim: a later owner of the run has a higher one. */
  epoch: number;
  attempt: number;
  /** Start of the run, not of the attempt: it is part of the artefact's name. */
  startedAt: Date;
  target: AnyTargetSpec;
  /** Of configuration: the servers that the target names, as far as there are such targets. */
  servers?: readonly AnyTargetSpec[];
  config: ConfigSpec;
  level: BackupLevel;
  /** A full backup is combined from earlier ones where that can be. */
  synthetic?: boolean;
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

/** An earlier backup of the same config, that still stands. */
export interface EarlierBackup {
  runId: string;
  path: string;
  /** How many have to be restored for it: 1 for a full backup. */
  chain: number;
}

/** A copy of the files of a PostgreSQL server, as far as where its logs must go on. */
export interface StandingCopy {
  systemIdentifier: string;
  timeline: number;
  endLsn: string;
  /** RFC 3339: it is of no later moment. */
  at: string;
}

/** The earlier backups of the config, for levels that build on one. */
export interface Lineage {
  /** The newest of these levels. */
  newest(levels: readonly BackupLevel[]): Promise<EarlierBackup | undefined>;
  /** The newest copy of the target's files, of whichever config, where no log goes on from it yet. */
  copyWithoutLog(): Promise<StandingCopy | undefined>;
  /**
   * Writes down what the run is and builds on: from then on that is kept as long as the run's artefact.
   * @throws HozenError LEASE_LOST
   */
  choose(level: BackupLevel, parent: EarlierBackup | undefined): Promise<void>;
}

/** How an attempt talks to the run that it belongs to. */
export interface AttemptContext {
  /** Aborted when the attempt is to stop: lease lost, cancelled, timed out, shutting down. */
  signal: AbortSignal;
  progress(update: Partial<ProgressView> & { phase: RunPhase }): void;
  /** @throws HozenError LEASE_LOST */
  ensureLease(): void;
  log: Logger;
  lineage: Lineage;
  /** Absent: nothing is limited. */
  pace?: Pace;
  /** Keeps room for the run. @throws WaitsForSpace where others have it */
  keepSpace?: (needs: readonly SpaceNeed[]) => Promise<void>;
}
