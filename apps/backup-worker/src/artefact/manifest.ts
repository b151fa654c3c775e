import { basename } from 'node:path';
import { FLAVOURS, type Flavour, type ServerKind } from '@hozen/dbms';
import {
  BACKUP_LEVELS,
  BACKUP_TRIGGERS,
  COMPRESSIONS,
  HozenError,
  isRecord,
  type BackupLevel,
  type BackupTrigger,
  type Compression,
} from '@hozen/contracts';

/** What the streams of an artefact are, and so how it is restored. */
export const MANIFEST_FORMATS = [
  'hozen-postgres-logical',
  'hozen-postgres-physical',
  'hozen-postgres-wal',
  'hozen-mariadb-logical',
  'hozen-mariadb-physical',
  'hozen-mariadb-binlog',
  'hozen-files',
] as const;
export type ManifestFormat = (typeof MANIFEST_FORMATS)[number];

/**
 * `<artefact>.manifest.json`: its appearance publishes the artefact, and it says all that is needed to restore it
 * without this software. It holds no secrets.
 */
export interface Manifest {
  format: ManifestFormat;
  version: 1;
  runId: string;
  epoch: number;
  attempt: number;
  config: string;
  target: { name: string; systemIdentifier: string };
  level: BackupLevel;
  trigger: BackupTrigger;
  /** RFC 3339. */
  startedAt: string;
  committedAt: string;
  /** The server, where it is one of PostgreSQL. */
  postgres?: ManifestPostgres;
  /** The server, where it is one of MariaDB or MySQL. */
  mariadb?: ManifestMariadb;
  /** Version of the programs that dumped it. */
  tools: string;
  compression: Compression;
  artefact: { file: string; bytes: number; originalBytes: number; sha256: string };
  /** Where the file is encrypted. All offsets (here and in the index) are those before encryption. */
  encryption?: ManifestEncryption;
  /** The member of the artefact that holds `index.json`, the last one: where it starts, and its bytes. */
  index: { offset: number; length: number };
  databases: ManifestDatabase[];
  /** Of a copy of the server's files. */
  physical?: ManifestPhysical;
  /** Of a piece of the server's WAL. */
  wal?: ManifestWal;
  /** Of a tree of files. */
  files?: ManifestFiles;
  /** Of configuration files: the repository that they were committed to. */
  git?: ManifestGit;
  tablespaces: { name: string; location: string }[];
  /** Where the file is SQL, and no tar archive: of a dump of PostgreSQL. */
  sql?: true;
  /** Of a dump of PostgreSQL that does not hold the whole server. */
  parts?: ManifestParts;
  warnings: string[];
  /** Shell commands, to be run in the folder of the artefact. */
  restore: string[];
}

export interface ManifestPostgres {
  version: string;
  major: number;
  superuser: string;
  inRecovery: boolean;
}

/** What a backup does not hold, because its config says so. */
export interface ManifestParts {
  /** As the config has them. */
  include?: Record<string, string[]>;
  exclude?: Record<string, string[]>;
  /** Databases that are not in it at all. */
  databases: string[];
  /** Of those that are in it in part. */
  leftOut: ManifestLeftOut[];
}

export interface ManifestLeftOut {
  database: string;
  /** Tables and views that are not in it: how many, and the first names. */
  tables: number;
  names: string[];
  /** The first tables that it has no rows of. */
  withoutRows: string[];
  /** What is not in it because it needs something that is not: foreign keys, views. */
  unrestorable: string[];
  /** There are large objects, and they are not in it. */
  largeObjects: boolean;
}

export interface ManifestMariadb {
  /** MariaDB, where it says nothing. */
  flavour?: Flavour;
  version: string;
  lowerCaseTableNames: number;
  /** Of MySQL: what is installed into the server, `file://component_query_attributes`. */
  components?: string[];
  /** Where in the binary log the moment of the dump lies. */
  binlog?: { file: string; position: number; gtid?: string };
  /** Of a copy of its files. */
  files?: ManifestMariadbFiles;
  /** Of a copy of its binary log. */
  binlogs?: ManifestBinlogs;
}

export interface ManifestBinlogs {
  firstFile: string;
  /** The next log goes on after it. */
  lastFile: string;
  files: number;
  /** RFC 3339, by the server's clock: everything before is in it or in an earlier one. */
  upTo: string;
  /** RFC 3339, by the server's clock: when its first file was begun, and its last transaction committed. */
  beginsAt?: string;
  lastTransactionAt?: string;
  /** The last GTID of each domain at its end, `0-1-4711,7-2-12`. */
  gtids?: string;
  /** Run of the log that it goes on from. */
  follows?: string;
  gap?: BinlogGap;
}

/** Files of a binary log that are in no backup. */
export interface BinlogGap {
  /** The last file of the log before, and up to when it goes. */
  fromFile: string;
  from: string;
  toFile: string;
  reason: string;
}

export interface ManifestMariadbFiles {
  /** Log sequence numbers of InnoDB: an increment has the pages that changed between them. */
  fromLsn: string;
  toLsn: string;
  parent?: ManifestParent;
}

/** Of a backup of MariaDB or MySQL: of which server it is. */
export function kindOf({ mariadb }: Manifest): ServerKind {
  return { flavour: mariadb?.flavour ?? 'mariadb', version: mariadb?.version ?? '' };
}

/** Of the server that it is of; of a tree of files, the program that copied it. */
export function versionOf({ postgres, mariadb, tools }: Manifest): string {
  return postgres?.version ?? mariadb?.version ?? tools;
}

/** @throws HozenError ARTEFACT_CORRUPT for a backup of another kind of server */
export function postgresOf({ postgres, artefact }: Manifest): ManifestPostgres {
  if (!postgres) throw new HozenError('ARTEFACT_CORRUPT', { path: artefact.file, what: 'it is not of PostgreSQL' });
  return postgres;
}

export interface ManifestEncryption {
  /** One age file: age-encryption.org/v1, X25519. */
  format: 'age-v1';
  /** Public keys of those who can decrypt. */
  recipients: string[];
  /** What `age -d` gives back. */
  plain: { bytes: number; sha256: string };
}

export interface ManifestPhysical {
  /** Where replay begins, and where it must come to: places in WAL. */
  startLsn: string;
  endLsn: string;
  timeline: number;
  dataChecksums: boolean;
  /** Every change of a page has a new LSN: restored files are, byte by byte, those of the list. */
  hintsLogged: boolean;
  /** Of the list of files beside the artefact. */
  files: { sha256: string };
  /** Who found out which pages changed: nobody (it is a full copy), the server, or we by the pages' LSNs. */
  increment: 'none' | 'server' | 'page-lsn';
  /** What must be restored first. */
  parent?: ManifestParent;
  /** The server looked at page checksums while it sent the files. */
  pagesChecked: boolean;
  /** Some were wrong. */
  damaged: boolean;
  /** Made of earlier backups up to this one, without the server. It is of that moment (RFC 3339). */
  combined?: { runId: string; at: string };
}

export interface ManifestFiles {
  /** The folder, as the target names it. */
  path: string;
  /** What the tree held then, whatever of it this backup holds; bytes of all files, each once. */
  paths: number;
  files: number;
  folders: number;
  links: number;
  others: number;
  bytes: number;
  /** What this backup itself holds of it. */
  stored: { paths: number; bytes: number };
  /** Paths of the parent that are no more, or something else. */
  deleted: number;
  /** What is not in the backup, and files that were changed while they were read. */
  skipped: {
    sockets: number;
    excluded: number;
    unreadable: number;
    vanished: number;
    elsewhere: number;
    changed: number;
  };
  /** Of `files.jsonl`. */
  listing: { sha256: string };
  /** What must be restored first. */
  parent?: ManifestParent;
}

export interface ManifestGit {
  /** Its address, without any password. */
  repository: string;
  branch: string;
  /** In the repository; the files stand in it under their whole paths. */
  folder: string;
  /** The commit that has them: the branch as of it is in the artefact. */
  commit: string;
  /** This run made it; without a change, an earlier one did. */
  changed: boolean;
  /** Secrets that were masked, and in how many files. */
  masked: { places: number; files: number };
  /** Files that are not stored: binary, too large, or of another kind. */
  leftOut: number;
}

/** What must be restored before it, if anything. */
export function parentOf({
  physical,
  mariadb,
  files,
}: Pick<Manifest, 'physical' | 'mariadb' | 'files'>): ManifestParent | undefined {
  return physical?.parent ?? mariadb?.files?.parent ?? files?.parent;
}

export interface ManifestParent {
  runId: string;
  /** Its artefact, from the folder of this one: in it, or in the one of the other trigger beside it. */
  file: string;
  /** Of its artefact. */
  sha256: string;
}

export interface ManifestWal {
  segmentBytes: number;
  /** One for each timeline, in order; every one begins at the beginning of a page. */
  ranges: WalRange[];
  /** All records up to here are whole; the next log begins here or before. */
  wholeUntilLsn: string;
  records: number;
  /** RFC 3339, by the server's clock: whatever was committed before is in this log or an earlier one. */
  upTo: string;
  /** RFC 3339: of the last commit or rollback in it, where there is one. */
  lastTransactionAt?: string;
  restorePoints: { name: string; lsn: string; at: string }[];
  /** Folders of tablespaces that are created in it: whoever replays it writes there. */
  tablespaces: string[];
  /** The log that this one goes on from without a gap. */
  follows?: { runId: string };
  /** What is in no log, and why: points in time in it cannot be restored. */
  gap?: WalGap;
}

export interface WalRange {
  timeline: number;
  startLsn: string;
  endLsn: string;
}

export interface WalGap {
  /** Where the log before ends: place in WAL, and time. */
  fromLsn: string;
  from: string;
  toLsn: string;
  reason: string;
}

export function isParentFile(file: string): boolean {
  return /^(?:\.\.\/[^/.]+\/)?[^/]+$/.test(file) && !/^\.{1,2}$/.test(file);
}

export interface ManifestDatabase {
  folder: string;
  name: string;
  owner: string;
  encoding: string;
  /** Size on the server. */
  bytes: number;
  tables: number;
}

/**
 * Reads a manifest that may have been damaged or made by somebody else.
 * @throws HozenError ARTEFACT_CORRUPT
 */
export function parseManifest(text: string, path: string): Manifest {
  const value = parseJson(text, path);
  const wrong = firstWrong(value);
  if (wrong !== undefined) throw new HozenError('ARTEFACT_CORRUPT', { path, what: wrong });
  return value as unknown as Manifest;
}

type Check = (value: unknown) => boolean;
type Fields = Record<string, unknown>;

const text: Check = (value) => typeof value === 'string';
const count: Check = (value) => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
const sha256: Check = (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
const flag: Check = (value) => typeof value === 'boolean';
const runId: Check = (value) => typeof value === 'string' && /^[0-9a-f-]{36}$/.test(value);
const lsn: Check = (value) => typeof value === 'string' && /^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/.test(value);
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const oneOf =
  (values: readonly string[]): Check =>
  (value) =>
    values.includes(value as string);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const shape =
  (checks: Record<string, Check>): Check =>
  (value) =>
    isRecord(value) && Object.entries(checks).every(([key, check]) => check(value[key]));

const isEncryption = shape({
  format: (value) => value === 'age-v1',
  recipients: listOf(text),
  plain: shape({ bytes: count, sha256 }),
});

const isParent = shape({ runId, file: (value) => typeof value === 'string' && isParentFile(value), sha256 });

const isPhysical = shape({
  startLsn: lsn,
  endLsn: lsn,
  timeline: count,
  dataChecksums: flag,
  hintsLogged: flag,
  files: shape({ sha256 }),
  increment: oneOf(['none', 'server', 'page-lsn']),
  parent: optional(isParent),
  pagesChecked: flag,
  damaged: flag,
  combined: optional(shape({ runId, at: text })),
});

const isWal = shape({
  segmentBytes: (value) => count(value) && Number(value) >= 2 ** 20 && Number.isInteger(Math.log2(Number(value))),
  ranges: listOf(shape({ timeline: count, startLsn: lsn, endLsn: lsn })),
  wholeUntilLsn: lsn,
  records: count,
  upTo: text,
  lastTransactionAt: optional(text),
  restorePoints: listOf(shape({ name: text, lsn, at: text })),
  tablespaces: listOf(text),
  follows: optional(shape({ runId })),
  gap: optional(shape({ fromLsn: lsn, from: text, toLsn: lsn, reason: text })),
});

const isBinlogs = shape({
  firstFile: text,
  lastFile: text,
  files: count,
  upTo: text,
  beginsAt: optional(text),
  lastTransactionAt: optional(text),
  gtids: optional(text),
  follows: optional(runId),
  gap: optional(shape({ fromFile: text, from: text, toFile: text, reason: text })),
});

const isFiles = shape({
  path: text,
  paths: count,
  files: count,
  folders: count,
  links: count,
  others: count,
  bytes: count,
  stored: shape({ paths: count, bytes: count }),
  deleted: count,
  skipped: shape({
    sockets: count,
    excluded: count,
    unreadable: count,
    vanished: count,
    elsewhere: count,
    changed: count,
  }),
  listing: shape({ sha256 }),
  parent: optional(isParent),
});

const isGit = shape({
  repository: text,
  branch: text,
  folder: text,
  commit: (value) => typeof value === 'string' && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(value),
  changed: flag,
  masked: shape({ places: count, files: count }),
  leftOut: count,
});

const isMariadb = shape({
  flavour: optional(oneOf(FLAVOURS)),
  version: text,
  lowerCaseTableNames: count,
  components: optional(listOf(text)),
  binlog: optional(shape({ file: text, position: count, gtid: optional(text) })),
  files: optional(shape({ fromLsn: text, toLsn: text, parent: optional(isParent) })),
  binlogs: optional(isBinlogs),
});

const namesByKind: Check = (value) => isRecord(value) && Object.values(value).every(listOf(text));

const isParts = shape({
  include: optional(namesByKind),
  exclude: optional(namesByKind),
  databases: listOf(text),
  leftOut: listOf(
    shape({
      database: text,
      tables: count,
      names: listOf(text),
      withoutRows: listOf(text),
      unrestorable: listOf(text),
      largeObjects: flag,
    }),
  ),
});

const CHECKS: Record<keyof Manifest, Check> = {
  format: oneOf(MANIFEST_FORMATS),
  version: (value) => value === 1,
  runId,
  epoch: count,
  attempt: count,
  config: text,
  target: shape({ name: text, systemIdentifier: text }),
  level: oneOf(BACKUP_LEVELS),
  trigger: oneOf(BACKUP_TRIGGERS),
  startedAt: text,
  committedAt: text,
  postgres: optional(shape({ version: text, major: count, superuser: text, inRecovery: flag })),
  mariadb: optional(isMariadb),
  tools: text,
  compression: oneOf(COMPRESSIONS),
  artefact: shape({
    // A name, never a path: the manifest may come from anywhere.
    file: (value) => typeof value === 'string' && value !== '' && basename(value) === value && value !== '..',
    bytes: count,
    originalBytes: count,
    sha256,
  }),
  encryption: optional(isEncryption),
  index: shape({ offset: count, length: count }),
  physical: optional(isPhysical),
  wal: optional(isWal),
  files: optional(isFiles),
  git: optional(isGit),
  databases: listOf(shape({ folder: text, name: text, owner: text, encoding: text, bytes: count, tables: count })),
  tablespaces: listOf(shape({ name: text, location: text })),
  sql: optional((value) => value === true),
  parts: optional(isParts),
  warnings: listOf(text),
  restore: listOf(text),
};

function firstWrong(value: Fields): string | undefined {
  if ((value['format'] === 'hozen-postgres-physical') !== (value['physical'] !== undefined)) return 'physical';
  const isOfMariadb = String(value['format']).startsWith('hozen-mariadb-');
  if (isOfMariadb !== (value['mariadb'] !== undefined)) return 'mariadb';
  const isOfFiles = value['format'] === 'hozen-files';
  if (isOfFiles !== (value['files'] !== undefined)) return 'files';
  if ((isOfMariadb || isOfFiles) === (value['postgres'] !== undefined)) return 'postgres';
  if ((value['format'] === 'hozen-postgres-wal') !== (value['wal'] !== undefined)) return 'wal';
  if (value['sql'] !== undefined && value['format'] !== 'hozen-postgres-logical') return 'sql';
  return Object.entries(CHECKS).find(([key, check]) => !check(value[key]))?.[0];
}

function parseJson(text: string, path: string): Fields {
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value)) return value;
  } catch (cause) {
    throw new HozenError('ARTEFACT_CORRUPT', { path, what: 'not JSON' }, { cause });
  }
  throw new HozenError('ARTEFACT_CORRUPT', { path, what: 'not an object' });
}
