import type { Leased } from '../runs/under-lease.js';

/** What an attempt is told, and tells. */
export interface AboutRestore extends Leased {
  /** A folder of the attempt, which is removed after it. */
  spoolDir: string;
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
  /** What was opened once is not closed again by a cancellation: it is told as what it is. */
  readonly staysOpen?: true;
}
