import { HozenError, warningText } from '@hozen/contracts';
import type { ManifestFormat } from '../artefact/manifest.js';

/** What is to be done instead, where a backup cannot be restored as it was asked for. */
const INSTEAD: Readonly<Record<ManifestFormat, string>> = {
  'hozen-postgres-logical': warningText('what.dump-of-postgres'),
  'hozen-postgres-physical': warningText('what.copy-of-postgres'),
  'hozen-postgres-wal': warningText('what.log-of-postgres'),
  'hozen-mariadb-physical': warningText('what.copy-of-mariadb'),
  'hozen-mariadb-binlog': warningText('what.binary-log'),
  'hozen-mariadb-logical': warningText('what.dump-of-mariadb'),
  'hozen-files': warningText('what.tree'),
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
    what: warningText('what.parts-of-postgres'),
  });
}

/** What stands in the place of others there has no comment that says so. */
export function notInPlace(target: string): HozenError {
  return new HozenError('RESTORE_IMPOSSIBLE', { target, what: warningText('what.in-place-of-mysql') });
}

/** A folder is not a server with databases: nothing is ever restored over what stands in it. */
export function intoFolder(target: string): HozenError {
  return new HozenError('RESTORE_IMPOSSIBLE', { target, what: warningText('what.no-server') });
}
