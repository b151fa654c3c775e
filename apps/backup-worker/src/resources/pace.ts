import type { RateLimit } from './rate-limit.js';

/** What holds the writing of an artefact. Absent: there is no such limit. */
export interface Pace {
  /** Asked before each piece of work. */
  cpu?: () => Promise<void> | undefined;
  /** Of the source. */
  read?: RateLimit;
  /** Of each storage: they do not share one, so that one that is behind does not hold the other. */
  write?: () => RateLimit;
}
