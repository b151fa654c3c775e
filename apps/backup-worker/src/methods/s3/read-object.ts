import { createHash } from 'node:crypto';
import {
  GetObjectCommand,
  GetObjectTaggingCommand,
  type GetObjectCommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { HozenError, type S3TargetSpec } from '@hozen/contracts';
import { isNoSuchKey, nameOf, onS3 } from '../../storage/s3/s3-error.js';
import type { ObjectFacts } from '../files/listing.js';
import type { ListedObject } from './list-objects.js';

/** A larger one is not held in memory. */
export const SMALL_BYTES = 1024 * 1024;

/** An answer that breaks off is asked for again, from where it broke; an object that is changed, from its beginning. */
const ATTEMPTS = 4;

/** An object as it was when it was read. */
export interface ReadObject {
  facts: ObjectFacts;
  size: number;
  /** Milliseconds since 1970. */
  modifiedAt: number;
  /** All of it; undefined for a larger one, which is still to be read. */
  content: Buffer | undefined;
}

/** Why an object is not in the backup. */
export type Missed = 'vanished' | 'unreadable';

/** The object was replaced or removed while it was read. */
export class ObjectChanged extends Error {}

/** Reads objects, each of one version: what is replaced meanwhile is noticed by its ETag. */
export class ObjectReader {
  /** Objects whose tags may not be read. */
  tagsRefused = 0;

  constructor(
    private readonly client: S3Client,
    private readonly spec: Pick<S3TargetSpec, 'bucket' | 'prefix'>,
    private readonly signal: AbortSignal,
  ) {}

  /** A small one whole; of a larger one, everything but its content. @throws HozenError of the STORAGE_ codes */
  async read(listed: ListedObject): Promise<ReadObject | Missed> {
    const path = this.#pathOf(listed.key);
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(listed, path);
      } catch (error) {
        if (isNoSuchKey(error)) return 'vanished';
        if (isRefused(error)) return 'unreadable';
        this.signal.throwIfAborted();
        if (attempt === ATTEMPTS) return onS3(path, () => Promise.reject(asError(error)));
      }
    }
  }

  /**
   * The content of one that was not read whole.
   * @throws ObjectChanged when it is another one by now; HozenError of the STORAGE_ codes
   */
  async *content({ facts, size }: ReadObject): AsyncGenerator<Buffer> {
    const path = this.#pathOf(facts.key);
    let done = 0;
    for (let attempt = 1; done < size; attempt++) {
      const from = done;
      try {
        // Gateways to file systems give files of others no ETag.
        const version = facts.etag === '' ? {} : { IfMatch: facts.etag };
        const range = { Range: `bytes=${done}-${size - 1}`, ...version };
        for await (const chunk of this.#body(await this.#get(facts.key, range))) {
          done += chunk.length;
          yield chunk;
        }
      } catch (error) {
        if (isNoSuchKey(error) || nameOf(error) === 'PreconditionFailed')
          throw new ObjectChanged(path, { cause: error });
        this.signal.throwIfAborted();
        if (attempt >= ATTEMPTS) await onS3(path, () => Promise.reject(asError(error)));
      }
      if (done > from) attempt = 0;
    }
    if (done > size) throw new HozenError('STORAGE_IO', { path }, { detail: 'more bytes came than were asked for' });
  }

  async #once({ key }: ListedObject, path: string): Promise<ReadObject> {
    const answer = await this.#get(key, {});
    const size = answer.ContentLength ?? 0;
    const head = { size, modifiedAt: answer.LastModified?.getTime() ?? 0 };
    if (size > SMALL_BYTES) {
      // Its content is asked for when its turn has come.
      destroy(answer);
      return { ...head, facts: await this.#factsOf(key, answer), content: undefined };
    }
    const content = Buffer.alloc(size);
    let done = 0;
    for await (const chunk of this.#body(answer)) done += chunk.copy(content, done);
    if (done !== size) throw new Error('the answer was cut off');
    if (isOtherThanItsEtag(content, answer))
      throw new HozenError('STORAGE_IO', { path }, { detail: 'the MD5 of what came is not that of the object' });
    return { ...head, facts: await this.#factsOf(key, answer), content };
  }

  async *#body({ Body }: GetObjectCommandOutput): AsyncGenerator<Buffer> {
    for await (const chunk of (Body ?? []) as AsyncIterable<Buffer>) yield chunk;
  }

  #get(key: string, more: { Range?: string; IfMatch?: string }): Promise<GetObjectCommandOutput> {
    const command = new GetObjectCommand({ ...this.#at(key), ...more });
    return this.client.send(command, { abortSignal: this.signal });
  }

  async #factsOf(key: string, answer: GetObjectCommandOutput): Promise<ObjectFacts> {
    const { Metadata: metadata = {} } = answer;
    const tags = (answer.TagCount ?? 0) > 0 ? await this.#tagsOf(key) : undefined;
    const facts: Record<keyof ObjectFacts, unknown> = {
      key,
      etag: answer.ETag ?? '',
      version: answer.VersionId === 'null' ? undefined : answer.VersionId,
      storageClass: answer.StorageClass,
      contentType: answer.ContentType,
      contentEncoding: answer.ContentEncoding,
      contentLanguage: answer.ContentLanguage,
      contentDisposition: answer.ContentDisposition,
      cacheControl: answer.CacheControl,
      expires: answer.ExpiresString,
      metadata: Object.keys(metadata).length > 0 ? metadata : undefined,
      tags,
    };
    return Object.fromEntries(
      Object.entries(facts).filter(([, value]) => value !== undefined),
    ) as unknown as ObjectFacts;
  }

  async #tagsOf(key: string): Promise<Record<string, string> | undefined> {
    try {
      const { TagSet = [] } = await this.client.send(new GetObjectTaggingCommand(this.#at(key)), {
        abortSignal: this.signal,
      });
      return Object.fromEntries(TagSet.map(({ Key = '', Value = '' }) => [Key, Value]));
    } catch (error) {
      if (!isRefused(error) && nameOf(error) !== 'NotImplemented') throw error;
      this.tagsRefused++;
      return undefined;
    }
  }

  #at(key: string): ObjectName {
    return objectName(this.spec, key);
  }

  #pathOf(key: string): string {
    return pathOfObject(this.#at(key));
  }
}

/** What every request about an object names. */
export interface ObjectName {
  Bucket: string;
  Key: string;
}

/** @param key without the prefix of the target */
export function objectName({ bucket, prefix }: Pick<S3TargetSpec, 'bucket' | 'prefix'>, key: string): ObjectName {
  return { Bucket: bucket, Key: prefix === undefined ? key : `${prefix}/${key}` };
}

export function pathOfObject({ Bucket, Key }: ObjectName): string {
  return `s3://${Bucket}/${Key}`;
}

/** The ETag of a plain upload is the MD5 of its content; other ways have other ETags. */
function isOtherThanItsEtag(
  content: Buffer,
  { ETag = '', ServerSideEncryption, SSECustomerAlgorithm }: GetObjectCommandOutput,
): boolean {
  const [, md5] = /^"?([0-9a-f]{32})"?$/.exec(ETag) ?? [];
  if (md5 === undefined || SSECustomerAlgorithm !== undefined) return false;
  if (ServerSideEncryption !== undefined && ServerSideEncryption !== 'AES256') return false;
  return createHash('md5').update(content).digest('hex') !== md5;
}

/** Archived, or not for us: one object, and no reason to give up the others. */
function isRefused(error: unknown): boolean {
  return ['AccessDenied', 'InvalidObjectState', 'Forbidden'].includes(nameOf(error));
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function destroy({ Body }: GetObjectCommandOutput): void {
  if (Body && 'destroy' in Body) Body.destroy();
}
