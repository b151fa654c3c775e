import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  paginateListObjectsV2,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { S3StorageSpec } from '@hozen/contracts';
import { clientOf } from './client.js';
import { isNoSuchKey, onS3 } from './s3-error.js';

/** Whose an object is: it is written into its metadata. */
export interface Owner {
  runId: string;
  epoch: number;
}

export interface ObjectFacts {
  bytes: number;
  owner: Owner | undefined;
}

/** The requests that we make of a bucket. Paths are `s3://bucket/key`. */
export class Bucket {
  readonly client: S3Client;

  constructor(readonly spec: S3StorageSpec) {
    this.client = clientOf(spec);
  }

  /** What every request about an object names. */
  at(path: string): { Bucket: string; Key: string } {
    return { Bucket: this.spec.bucket, Key: this.#keyOf(path) };
  }

  async head(path: string): Promise<ObjectFacts | undefined> {
    return onS3(path, async () => {
      try {
        const found = await this.client.send(new HeadObjectCommand(this.at(path)));
        return { bytes: found.ContentLength ?? 0, owner: ownerIn(found.Metadata ?? {}) };
      } catch (error) {
        if (isNoSuchKey(error)) return undefined;
        throw error;
      }
    });
  }

  async readText(path: string): Promise<string | undefined> {
    return onS3(path, async () => {
      try {
        const { Body } = await this.client.send(new GetObjectCommand(this.at(path)));
        return (await Body?.transformToString()) ?? '';
      } catch (error) {
        if (isNoSuchKey(error)) return undefined;
        throw error;
      }
    });
  }

  async put(path: string, text: string): Promise<void> {
    await onS3(path, () => this.client.send(new PutObjectCommand({ ...this.at(path), Body: text })));
  }

  async remove(path: string): Promise<void> {
    await onS3(path, () => this.client.send(new DeleteObjectCommand(this.at(path))));
  }

  /** Paths of the objects that begin so. */
  async list(start: string): Promise<string[]> {
    return onS3(start, async () => {
      const { Bucket, Key } = this.at(start);
      const paths: string[] = [];
      for await (const page of paginateListObjectsV2({ client: this.client }, { Bucket, Prefix: Key })) {
        for (const { Key: key = '' } of page.Contents ?? []) paths.push(this.#pathOf(key));
      }
      return paths;
    });
  }

  /** Bytes of the objects that begin so; versions that are no longer the newest are not counted. */
  async usedBytes(start: string): Promise<number> {
    return onS3(start, async () => {
      const { Bucket, Key } = this.at(start);
      let bytes = 0;
      for await (const page of paginateListObjectsV2({ client: this.client }, { Bucket, Prefix: Key })) {
        for (const { Size = 0 } of page.Contents ?? []) bytes += Size;
      }
      return bytes;
    });
  }

  /** Uploads that are neither completed nor aborted, to objects that begin so. */
  async uploads(start: string): Promise<{ path: string; uploadId: string }[]> {
    return onS3(start, async () => {
      const { Bucket, Key } = this.at(start);
      const uploads: { path: string; uploadId: string }[] = [];
      let after: { KeyMarker?: string; UploadIdMarker?: string } | undefined = {};
      while (after) {
        const command: ListMultipartUploadsCommand = new ListMultipartUploadsCommand({ Bucket, Prefix: Key, ...after });
        const page = await this.client.send(command);
        for (const { Key: key = '', UploadId = '' } of page.Uploads ?? []) {
          uploads.push({ path: this.#pathOf(key), uploadId: UploadId });
        }
        const { IsTruncated, NextKeyMarker = '', NextUploadIdMarker = '' } = page;
        after = IsTruncated ? { KeyMarker: NextKeyMarker, UploadIdMarker: NextUploadIdMarker } : undefined;
      }
      return uploads;
    });
  }

  #pathOf(key: string): string {
    return `s3://${this.spec.bucket}/${key}`;
  }

  #keyOf(path: string): string {
    const start = `s3://${this.spec.bucket}/`;
    if (!path.startsWith(start)) throw new RangeError(`${path} is not in the bucket ${this.spec.bucket}`);
    return path.slice(start.length);
  }
}

export function metadataOf({ runId, epoch }: Owner): Record<string, string> {
  return { 'hozen-run': runId, 'hozen-epoch': String(epoch) };
}

function ownerIn(metadata: Record<string, string>): Owner | undefined {
  const { 'hozen-run': runId, 'hozen-epoch': epoch } = metadata;
  return runId === undefined || epoch === undefined ? undefined : { runId, epoch: Number(epoch) };
}
