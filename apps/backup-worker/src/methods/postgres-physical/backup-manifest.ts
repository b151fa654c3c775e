import { createHash } from 'node:crypto';
import { isRecord } from '@hozen/contracts';

/** One file of a copy, as a backup_manifest has it. */
export interface ListedFile {
  /** From the data directory, with `pg_tblspc/<oid>/` before what is in a tablespace. */
  path: string;
  bytes: number;
  /** CRC-32C as it is written there, where there is one. */
  crc32c?: string;
}

/**
 * Reads PostgreSQL's backup_manifest
 * (https://www.postgresql.org/docs/current/backup-manifest-format.html).
 * @throws RangeError with what is wrong with it
 */
export function parseBackupManifest(text: string): ListedFile[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new RangeError('backup_manifest: not JSON');
  }
  const files = isRecord(value) ? value['Files'] : undefined;
  if (!Array.isArray(files)) throw new RangeError('backup_manifest: no list of files');
  return files.map(fileOf);
}

function fileOf(value: unknown): ListedFile {
  if (!isRecord(value)) throw new RangeError('backup_manifest: a file that is none');
  const path = pathOf(value);
  const bytes = value['Size'];
  if (typeof bytes !== 'number' || !Number.isSafeInteger(bytes) || bytes < 0) {
    throw new RangeError(`backup_manifest: the size of ${path}`);
  }
  const checksum = value['Checksum'];
  const isCrc = value['Checksum-Algorithm'] === 'CRC32C' && typeof checksum === 'string';
  return { path, bytes, ...(isCrc ? { crc32c: checksum.toLowerCase() } : {}) };
}

/** A name that is not UTF-8 is written in hexadecimal. */
function pathOf(value: Record<string, unknown>): string {
  const { Path: path, 'Encoded-Path': encoded } = value;
  if (typeof path === 'string') return path;
  if (typeof encoded === 'string') return Buffer.from(encoded, 'hex').toString('utf8');
  throw new RangeError('backup_manifest: a file without a path');
}

export interface CopiedFile extends ListedFile {
  modifiedAt: Date;
  crc32c: string;
}

/** What a backup_manifest says beside its files. */
export interface ManifestFacts {
  major: number;
  systemIdentifier: string;
  timeline: number;
  startLsn: string;
  endLsn: string;
}

/** Writes a backup_manifest as the server would: pg_verifybackup reads it, and PostgreSQL 17 builds increments on it. */
export function writeBackupManifest(files: readonly CopiedFile[], facts: ManifestFacts): string {
  const { major, systemIdentifier, timeline, startLsn, endLsn } = facts;
  const version =
    major >= 17
      ? `"PostgreSQL-Backup-Manifest-Version": 2,\n"System-Identifier": ${systemIdentifier},`
      : '"PostgreSQL-Backup-Manifest-Version": 1,';
  const lines = files.map(({ path, bytes, modifiedAt, crc32c }) => {
    const time = `${modifiedAt.toISOString().slice(0, 19).replace('T', ' ')} GMT`;
    return `{ "Path": ${JSON.stringify(path)}, "Size": ${bytes}, "Last-Modified": "${time}", "Checksum-Algorithm": "CRC32C", "Checksum": "${crc32c}" }`;
  });
  const range = `{ "Timeline": ${timeline}, "Start-LSN": "${startLsn}", "End-LSN": "${endLsn}" }`;
  const text = `{ ${version}\n"Files": [\n${lines.join(',\n')}\n],\n"WAL-Ranges": [\n${range}\n],\n`;
  const sum = createHash('sha256').update(text).digest('hex');
  return `${text}"Manifest-Checksum": "${sum}"}\n`;
}

/** The path of an archive's member in the list. @param archive `base.tar` or `<oid>.tar` */
export function listedPath(archive: string, name: string): string {
  const tablespace = /^(\d+)\.tar$/.exec(archive)?.[1];
  return tablespace === undefined ? name : `pg_tblspc/${tablespace}/${name}`;
}
