import {
  GetObjectCommand,
  paginateListObjectsV2,
  PutObjectCommand,
  type PutObjectCommandInput,
} from '@aws-sdk/client-s3';
import { storageLocation, type S3StorageSpec } from '@hozen/contracts';
import { Bucket } from '../storage/s3/bucket.js';
import { isNoSuchKey, onS3 } from '../storage/s3/s3-error.js';
import { encryptingOf, keepingOf } from '../storage/s3/upload.js';
import type { ArchiveStore } from './archive-store.js';

/** WAL in a bucket: an object a file, put in one request, so that it is there whole or not at all. */
export class S3Archive implements ArchiveStore {
  readonly #bucket: Bucket;

  constructor(private readonly spec: S3StorageSpec) {
    this.#bucket = new Bucket(spec);
  }

  pathOf(key: string): string {
    return `${storageLocation(this.spec)}/${key}`;
  }

  async create(key: string, content: Buffer): Promise<boolean> {
    const path = this.pathOf(key);
    const { conditionalWrites } = this.spec;
    if (!conditionalWrites && (await this.#bucket.head(path))) return false;
    try {
      const { storageClass } = this.spec;
      await this.#put(path, content, {
        ...(storageClass ? { StorageClass: storageClass } : {}),
        ...keepingOf(this.spec),
        ...(conditionalWrites ? { IfNoneMatch: '*' } : {}),
      });
      return true;
    } catch (failure) {
      // Refused because something stands there, or done and the answer was lost: whoever asks compares.
      if (await this.#bucket.head(path)) return false;
      return onS3(path, () => Promise.reject(failure instanceof Error ? failure : new Error(String(failure))));
    }
  }

  replace(key: string, content: Buffer): Promise<void> {
    const path = this.pathOf(key);
    // Soon there is another one: neither locked nor in a class that is paid for by the month.
    return onS3(path, () => this.#put(path, content, encryptingOf(this.spec)));
  }

  read(key: string): Promise<Buffer | undefined> {
    const path = this.pathOf(key);
    return onS3(path, async () => {
      try {
        const { Body } = await this.#bucket.client.send(new GetObjectCommand(this.#bucket.at(path)));
        return Body === undefined ? Buffer.alloc(0) : Buffer.from(await Body.transformToByteArray());
      } catch (error) {
        if (isNoSuchKey(error)) return undefined;
        throw error;
      }
    });
  }

  async *list(start: string, after?: string): AsyncGenerator<string> {
    const path = this.pathOf(start);
    const { Bucket, Key } = this.#bucket.at(path);
    const root = Key.slice(0, Key.length - start.length);
    const input = { Bucket, Prefix: Key, ...(after === undefined ? {} : { StartAfter: root + after }) };
    const pages = paginateListObjectsV2({ client: this.#bucket.client }, input)[Symbol.asyncIterator]();
    for (;;) {
      const { done, value } = await onS3(path, () => pages.next());
      if (done) return;
      for (const { Key: key = '' } of value.Contents ?? []) yield key.slice(root.length);
    }
  }

  remove(key: string): Promise<void> {
    return this.#bucket.remove(this.pathOf(key));
  }

  async #put(path: string, content: Buffer, how: Partial<PutObjectCommandInput>): Promise<void> {
    await this.#bucket.client.send(new PutObjectCommand({ ...this.#bucket.at(path), Body: content, ...how }));
  }
}
