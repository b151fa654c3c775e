import { basename, dirname } from 'node:path';
import { storageLocation, type BackupTrigger, type Compression, type StorageSpec } from '@hozen/contracts';
import type { BackupJob } from '../job.js';
import { inZone } from '../zoned-time.js';
import { safeName } from './safe-name.js';

const ENCRYPTED_SUFFIX = '.age';
const SUFFIXES: Readonly<Record<Compression, string>> = { none: '', gzip: '.gz', zstd: '.zst' };

/** What may stand between the data and the manifest that publishes it, in the order in which it appears. */
export const SIDE_KINDS = ['checksum', 'files', 'signature'] as const;
export type SideKind = (typeof SIDE_KINDS)[number];
export type ArtefactKind = 'data' | SideKind | 'manifest';

export interface ArtefactPaths {
  directory: string;
  data: string;
  checksum: string;
  /** The list of the files in it, where it is a copy of files; readable without a private key, for those that build on it. */
  files: string;
  /** Of the manifest, where it is signed. */
  signature: string;
  manifest: string;
  /** The hidden file that becomes `kind` when it is whole. It names its run and epoch: see clean-up.ts. */
  partial(kind: ArtefactKind): string;
}

export const CHECKSUM_SUFFIX = '.sha256';
export const MANIFEST_SUFFIX = '.manifest.json';
export const FILES_SUFFIX = '.backup_manifest';
export const SIGNATURE_SUFFIX = `${MANIFEST_SUFFIX}.sig`;

/** What a storage needs to know of a run: whose the artefact is, what it is called, and what stands beside it. */
export interface ArtefactOwner {
  runId: string;
  epoch: number;
  trigger: BackupTrigger;
  fileName: string;
  /** What it consists of, in the order in which it is published. */
  kinds: readonly ArtefactKind[];
}

/**
 * Whose the artefact of a job is: `{YYYYMMDD_HHMMSS}_{config}.tar.gz`, or `.sql.gz`, time in the config's zone, with `.age`
 * after it where it is encrypted.
 */
export function ownerOf(job: BackupJob): ArtefactOwner {
  const { config, startedAt, trigger, runId, epoch } = job;
  const suffix =
    (isSql(job) ? '.sql' : '.tar') + SUFFIXES[compressionOf(job)] + (config.encryption ? ENCRYPTED_SUFFIX : '');
  const fileName = `${timeStamp(startedAt, config.timeZone)}_${safeName(config.name)}${suffix}`;
  const has: Record<SideKind, boolean> = {
    checksum: true,
    files: config.method === 'postgres-physical',
    signature: config.signing !== undefined,
  };
  return { runId, epoch, trigger, fileName, kinds: allKinds(SIDE_KINDS.filter((kind) => has[kind])) };
}

/** Data first, the manifest last. */
export function allKinds(sides: readonly SideKind[]): ArtefactKind[] {
  return ['data', ...sides, 'manifest'];
}

/** Where the artefact of a job stands. */
export function artefactPaths(job: BackupJob, storage: StorageSpec = job.config.storage): ArtefactPaths {
  return pathsIn(storage, ownerOf(job));
}

/** `{storage}/{trigger}/{name}`. In S3 these are `s3://bucket/prefix/...`. */
export function pathsIn(storage: StorageSpec, { trigger, fileName, runId, epoch }: ArtefactOwner): ArtefactPaths {
  const paths = besides(`${storageLocation(storage).replace(/\/+$/, '')}/${trigger}/${fileName}`);
  const partial = (kind: ArtefactKind) => `${paths.directory}/.${basename(paths[kind])}.${runId}.${epoch}.partial`;
  return { ...paths, partial };
}

/** What belongs to the artefact at `data`. */
export function besides(data: string): Omit<ArtefactPaths, 'partial'> {
  const checksum = `${data}${CHECKSUM_SUFFIX}`;
  const files = `${data}${FILES_SUFFIX}`;
  const [signature, manifest] = [`${data}${SIGNATURE_SUFFIX}`, `${data}${MANIFEST_SUFFIX}`];
  return { directory: dirname(data), data, checksum, files, signature, manifest };
}

/** Whether it becomes a file of SQL. */
export function isSql({ config }: BackupJob): boolean {
  return config.method === 'postgres-logical' && config.format === 'sql';
}

/** That of the config, unless the request switched it off. */
export function compressionOf(job: BackupJob): Compression {
  return job.compress ? job.config.compression : 'none';
}

/** Run and epoch of a partial file; undefined for any other file. */
export function partialOwner(name: string): { final: string; runId: string; epoch: number } | undefined {
  const match = /^\.(.+)\.([0-9a-f-]{36})\.(\d+)\.partial$/s.exec(name);
  if (!match) return undefined;
  const [, final = '', runId = '', epoch = ''] = match;
  return { final, runId, epoch: Number(epoch) };
}

function timeStamp(time: Date, timeZone: string): string {
  const { year, month, day, hour, minute, second } = inZone(time, timeZone);
  return `${year}${month}${day}_${hour}${minute}${second}`;
}

/** All paths of an artefact, in the order in which they go: without its manifest it is none any more. */
export function removalOrder(data: string): string[] {
  const paths = besides(data);
  return [paths.manifest, ...SIDE_KINDS.toReversed().map((kind) => paths[kind]), data];
}

/** Whether it is called as the data of an artefact is. */
export function isDataPath(path: string): boolean {
  return !basename(path).startsWith('.') && /\.(?:tar|sql)(\.gz|\.zst)?(\.age)?$/.test(path);
}

/** The data that a file stands beside, or is. */
export function dataPathOf(path: string): string {
  const suffix = [SIGNATURE_SUFFIX, MANIFEST_SUFFIX, FILES_SUFFIX, CHECKSUM_SUFFIX].find((each) => path.endsWith(each));
  return suffix === undefined ? path : path.slice(0, -suffix.length);
}
