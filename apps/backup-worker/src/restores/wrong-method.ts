import { HozenError } from '@hozen/contracts';
import type { ManifestFormat } from '../artefact/manifest.js';

/** What is to be done instead, where a backup cannot be restored as it was asked for. */
const INSTEAD: Readonly<Record<ManifestFormat, string>> = {
  'hozen-postgres-logical': 'the backup is a dump of PostgreSQL: name such a target and databases of it',
  'hozen-postgres-physical': 'the backup is a copy of files: name a new directory instead of a target and databases',
  'hozen-postgres-wal': 'the backup is a log: restore a copy of files to a point in time instead',
  'hozen-mariadb-physical':
    'the backup is a copy of the files of a MariaDB server: name a new directory instead of a target and databases',
  'hozen-mariadb-binlog': 'the backup is a binary log: restore a copy of files or a dump to a point in time instead',
  'hozen-mariadb-logical':
    'the backup is a dump of MariaDB: name such a target and databases of it, or a new directory',
  'hozen-files':
    'the backup is a tree of files: name a new directory instead of a target (a bucket, where it is of one)',
};

export function insteadOf(format: ManifestFormat): string {
  return INSTEAD[format];
}

export function wrongMethod(target: string, format: ManifestFormat): HozenError {
  return new HozenError('RESTORE_IMPOSSIBLE', { target, what: insteadOf(format) });
}

export function wrongParts(target: string): HozenError {
  return new HozenError('RESTORE_IMPOSSIBLE', {
    target,
    what: 'schemas, tables, or everything are chosen of dumps of PostgreSQL only',
  });
}

/** A folder is not a server with databases: nothing is ever restored over what stands in it. */
export function intoFolder(target: string): HozenError {
  return new HozenError('RESTORE_IMPOSSIBLE', { target, what: 'it is no server: name a new directory instead' });
}
