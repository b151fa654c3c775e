import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { objectsLocation, type S3TargetSpec } from '@hozen/contracts';
import { inSpan } from '@hozen/telemetry';
import type { S3Client } from '@aws-sdk/client-s3';
import type { AttemptContext, BackupJob } from '../../job.js';
import { removeTree } from '../../storage/file/remove-tree.js';
import { clientOf } from '../../storage/s3/client.js';
import { objectsOf } from '../server-target.js';
import { listObjects, type FoundObjects } from './list-objects.js';

/** A bucket that may be backed up, and what is in it. */
export interface BucketTarget extends AsyncDisposable {
  spec: S3TargetSpec;
  client: S3Client;
  found: FoundObjects;
  /** For lists that do not fit into memory. Gone with this. */
  folder: string;
}

/**
 * Lists what is in the bucket: into the spool, for it may be more than fits into memory.
 * @throws HozenError of the STORAGE_ codes
 */
export async function checkBucketTarget(
  job: BackupJob,
  { progress, signal }: Pick<AttemptContext, 'progress' | 'signal'>,
): Promise<BucketTarget> {
  return inSpan('check target', { attributes: { 'hozen.target': job.target.name } }, async (span) => {
    progress({ phase: 'checking', item: job.target.name });
    const spec = objectsOf(job.target);
    const client = clientOf(spec);
    const folder = join(job.spoolDir, 'objects');
    await mkdir(job.spoolDir, { recursive: true, mode: 0o711 });
    await mkdir(folder, { mode: 0o700 });
    const remove = () => removeTree(folder);
    try {
      const onObjects = (count: number) => progress({ phase: 'checking', item: `${objectsLocation(spec)}: ${count}` });
      const found = await listObjects({ client, spec, folder, signal, onObjects });
      span.setAttribute('hozen.objects', found.objects);
      return { spec, client, found, folder, [Symbol.asyncDispose]: remove };
    } catch (error) {
      await remove();
      throw error;
    }
  });
}
