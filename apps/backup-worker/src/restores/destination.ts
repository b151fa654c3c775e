import { HozenError, requireValid, TargetSpec } from '@hozen/contracts';
import type { ProgressUpdate } from '../runs/progress-meter.js';
import { DirectoryDestination } from './restore-into-directory.js';
import { MariadbDestination } from './restore-into-mariadb.js';
import { ServerDestination } from './restore-into-server.js';
import type { RestoreContext } from './restore-context.js';
import type { RestoreRow } from './restore-row.js';

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

/** @throws HozenError NOT_FOUND, CONFIG_INVALID */
export async function destinationOf(row: RestoreRow, context: RestoreContext): Promise<Destination> {
  if (row.directory !== null) return new DirectoryDestination({ ...row, directory: row.directory }, context);
  const [found] = await context.database.query<{ spec: unknown }[]>('SELECT spec FROM backup_targets WHERE id = $1', [
    row.target_id,
  ]);
  if (!found) throw new HozenError('NOT_FOUND', { what: 'target', id: row.target_name, list: 'configs' });
  const spec = requireValid(TargetSpec, found.spec, 'CONFIG_INVALID');
  return spec.kind === 'mariadb'
    ? new MariadbDestination(row, spec, context)
    : new ServerDestination(row, spec, context);
}
