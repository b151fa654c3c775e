import type { ProgressUpdate } from '../runs/progress-meter.js';

/** What an attempt is told, and tells. */
export interface AboutRestore {
  /** A folder of the attempt, which is removed after it. */
  spoolDir: string;
  signal: AbortSignal;
  progress: (update: ProgressUpdate) => void;
  /** @throws HozenError LEASE_LOST */
  ensureLease: () => void;
}

/** Where a backup is brought to. */
export interface Destination {
  /**
   * To its end, told as `restore.completed`.
   * @throws OutcomeUnknown when the next owner has to find out; HozenError, and then {@link undo} is due
   */
  restore(about: AboutRestore): Promise<void>;
  /** Leaves nothing that is not opened. */
  undo(): Promise<void>;
}
