import { statfs } from 'node:fs/promises';
import { HozenError, storageLocation, type StorageSpec } from '@hozen/contracts';
import { inTime } from '../storage/in-time.js';
import { Bucket } from '../storage/s3/bucket.js';
import { onStorage } from '../storage/storage-error.js';

/** How much is in use, by whomever, and how much there is. */
export interface Measured {
  usedBytes: number;
  capacityBytes: number;
}

/** A server that is away may not answer at all. */
const LOOK_MS = 60_000;

/**
 * The disk of a folder; of a bucket, what lies below its prefix and the quota.
 * @param specs the same place, as each config describes it: the smallest quota counts
 * @returns undefined for a bucket without a quota
 * @throws HozenError of the STORAGE_ codes, also where the folder is not there
 */
export async function measureStorage(specs: readonly StorageSpec[]): Promise<Measured | undefined> {
  const [spec] = specs;
  if (!spec) return undefined;
  const location = storageLocation(spec);
  const late = () => new HozenError('STORAGE_IO', { path: location }, { detail: 'it does not answer' });
  return inTime(LOOK_MS, spec.kind === 'file' ? ofDisk(spec.path) : ofBucket(specs), late);
}

/** As df(1) counts: what is reserved for root is neither used nor to be had. */
async function ofDisk(path: string): Promise<Measured> {
  const { blocks, bfree, bavail, bsize } = await onStorage(path, () => statfs(path));
  const used = blocks - bfree;
  return { usedBytes: used * bsize, capacityBytes: (used + bavail) * bsize };
}

async function ofBucket(specs: readonly StorageSpec[]): Promise<Measured | undefined> {
  const limited = specs.flatMap((spec) => (spec.kind === 's3' && spec.quotaBytes !== undefined ? [spec] : []));
  const [spec] = limited;
  if (!spec) return undefined;
  const capacityBytes = Math.min(...limited.map(({ quotaBytes = Infinity }) => quotaBytes));
  return { usedBytes: await new Bucket(spec).usedBytes(`${storageLocation(spec)}/`), capacityBytes };
}
