import { mkdirSync } from 'node:fs';
import { PutObjectCommand, S3Client, type PutObjectCommandInput } from '@aws-sdk/client-s3';
import { S3TargetSpec } from '@hozen/contracts';
import type { BackupJob } from '../../job.js';
import { aJob } from '../../job.fixture.js';

/** A job that backs up objects into a folder. */
export function bucketJob(
  folder: string,
  access: object,
  change: Partial<BackupJob> = {},
  target: Partial<S3TargetSpec> = {},
): BackupJob {
  const job = aJob(folder, change);
  job.target = Object.assign(new S3TargetSpec(), access, { name: 'documents', kind: 's3' } as const, target);
  Object.assign(job.config, { method: 's3', compression: 'zstd' });
  mkdirSync(job.spoolDir, { recursive: true, mode: 0o711 });
  return job;
}

/** A program of somebody else at the same bucket. */
export class BucketUser {
  readonly client: S3Client;

  constructor(
    private readonly s3: { url: string; accessKey: string; secretKey: string; bucket: string },
    private readonly prefix: string,
  ) {
    this.client = new S3Client({
      endpoint: s3.url,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId: s3.accessKey, secretAccessKey: s3.secretKey },
    });
  }

  at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.s3.bucket, Key: `${this.prefix}/${key}` };
  }

  async put(key: string, content: string | Buffer, more: Partial<PutObjectCommandInput> = {}): Promise<void> {
    await this.client.send(
      new PutObjectCommand({ ...this.at(key), Body: content, ContentLength: Buffer.byteLength(content), ...more }),
    );
  }
}
