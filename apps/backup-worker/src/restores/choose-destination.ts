import { HozenError, isS3Target, isServerTarget } from '@hozen/contracts';
import { storedTarget } from '../store/stored-target.js';
import type { Destination } from './destination.js';
import type { RestoreContext } from './restore-context.js';
import { DeltaDestination } from './restore-delta.js';
import { InPlaceDestination } from './restore-in-place.js';
import { BucketDestination } from './restore-into-bucket.js';
import { MergeDestination } from './restore-into-database.js';
import { DirectoryDestination } from './restore-into-directory.js';
import { MariadbDestination } from './restore-into-mariadb.js';
import { ServerDestination } from './restore-into-server.js';
import { MariadbInPlaceDestination } from './restore-mariadb-in-place.js';
import { TreeInPlaceDestination } from './restore-tree-in-place.js';
import type { RestoreRow } from './restore-row.js';
import { intoFolder } from './wrong-method.js';

/** @throws HozenError NOT_FOUND, CONFIG_INVALID */
export async function destinationOf(row: RestoreRow, context: RestoreContext): Promise<Destination> {
  const { directory } = row;
  if (directory !== null) {
    const into = { ...row, directory };
    if (!row.in_place) return new DirectoryDestination(into, context);
    return row.delta ? new DeltaDestination(into, context) : new TreeInPlaceDestination(into, context);
  }
  const [found] = await context.database.query<{ spec: unknown }[]>('SELECT spec FROM backup_targets WHERE id = $1', [
    row.target_id,
  ]);
  if (!found) throw new HozenError('NOT_FOUND', { what: 'target', id: row.target_name, list: 'configs' });
  const spec = storedTarget(found.spec);
  if (isS3Target(spec)) return new BucketDestination(row, spec, context);
  if (!isServerTarget(spec)) throw intoFolder(row.target_name);
  if (row.in_place) {
    const InPlace = spec.kind === 'mariadb' ? MariadbInPlaceDestination : InPlaceDestination;
    return new InPlace(row, spec, context);
  }
  if (row.databases[0]?.into && spec.kind === 'postgres') return new MergeDestination(row, spec, context);
  return spec.kind === 'mariadb'
    ? new MariadbDestination(row, spec, context)
    : new ServerDestination(row, spec, context);
}
