import { join } from 'node:path';
import type { SettingsReader } from '@hozen/service';

export interface WorkerSettings {
  /** Backups at a time in this process; 0: it only answers the API and takes requests in. */
  lanes: number;
  /** Folder for scratch servers; needs room for the largest cluster that is proven by restore. */
  spoolRoot: string;
}

const MOST_LANES = 64;

/** `HOZEN_EXECUTOR_LANES` (default 2) and `HOZEN_SPOOL` (default `$HOZEN_HOME/spool`). */
export function readWorkerSettings(read: SettingsReader): WorkerSettings {
  return {
    lanes: read.integer('HOZEN_EXECUTOR_LANES', { min: 0, max: MOST_LANES, fallback: 2 }),
    spoolRoot: read.text('HOZEN_SPOOL', join(read.text('HOZEN_HOME', '/var/lib/hozen'), 'spool')),
  };
}
