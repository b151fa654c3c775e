import { join } from 'node:path';
import { SANDBOX_MODES } from '@hozen/dbms';
import type { SettingsReader } from '@hozen/service';

export interface WorkerSettings {
  /** Backups at a time in this process; 0: it only answers the API and takes requests in. */
  lanes: number;
  /** Folder for scratch servers; needs room for the largest cluster that is proven by restore. */
  spoolRoot: string;
  /** Folders below which copies of files may be restored. */
  restoreFolders: string[];
  /** Control group for the programs of runs: a folder, `auto` for our own, `off` for none. */
  cgroup: string;
}

const MOST_LANES = 64;

/**
 * `HOZEN_EXECUTOR_LANES` (default 2), `HOZEN_CGROUP` and `HOZEN_SANDBOX` (default `auto`), `HOZEN_SPOOL` (default `$HOZEN_HOME/spool`) and `HOZEN_RESTORE_FOLDERS` (default
 * `$HOZEN_HOME/restored`, several with colons between them).
 */
export function readWorkerSettings(read: SettingsReader): WorkerSettings {
  checkSandbox(read);
  const home = read.text('HOZEN_HOME', '/var/lib/hozen');
  return {
    lanes: read.integer('HOZEN_EXECUTOR_LANES', { min: 0, max: MOST_LANES, fallback: 2 }),
    spoolRoot: read.text('HOZEN_SPOOL', join(home, 'spool')),
    cgroup: readCgroup(read),
    restoreFolders: read.text('HOZEN_RESTORE_FOLDERS', join(home, 'restored')).split(':'),
  };
}

/** What starts the programs reads it, each time. */
function checkSandbox(read: SettingsReader): void {
  const text = read.text('HOZEN_SANDBOX', 'auto');
  const isRight = SANDBOX_MODES.some((mode) => mode === text);
  if (!isRight) read.fault('HOZEN_SANDBOX', `must be one of ${SANDBOX_MODES.join(', ')}`);
}

function readCgroup(read: SettingsReader): string {
  const text = read.text('HOZEN_CGROUP', 'auto');
  const isRight = text === 'auto' || text === 'off' || text.startsWith('/');
  if (!isRight) read.fault('HOZEN_CGROUP', 'must be auto, off, or the absolute path of a control group');
  return text;
}
