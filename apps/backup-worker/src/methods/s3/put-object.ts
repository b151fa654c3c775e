import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
  type PutObjectCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { HozenError, type S3TargetSpec, obstaclesText } from '@hozen/contracts';
import { Slots } from '../../pipeline/slots.js';
import { nameOf, onS3 } from '../../storage/s3/s3-error.js';
import type { ObjectFacts } from '../files/listing.js';
import { objectName, pathOfObject, type ObjectName } from './read-object.js';

/** A larger object is put in parts; they are in memory while they are sent. */
const PART_BYTES = 16 * 1024 * 1024;
const MOST_PARTS = 10_000;
/** Larger ones than this take turns. */
const SMALL_BYTES = 1024 * 1024;
const LARGE_AT_A_TIME = 4;

/** The provider's words for "something stands there already". */
const TAKEN = ['PreconditionFailed', 'ConditionalRequestConflict'];

/** A restored object, as a file. */
export interface RestoredObject {
  file: Buffer;
  size: number;
  sha256: string;
}

/** Puts objects where none are; one that is there already must be the same. */
export class ObjectWriter {
  readonly #large = new Slots(LARGE_AT_A_TIME);

  constructor(
    private readonly client: S3Client,
    private readonly spec: S3TargetSpec,
    private readonly signal: AbortSignal,
  ) {}

  /** @throws HozenError RESTORE_IMPOSSIBLE where another object is there; of the STORAGE_ codes */
  async put(facts: ObjectFacts, restored: RestoredObject): Promise<void> {
    const isLarge = restored.size > SMALL_BYTES;
    if (isLarge) await this.#large.acquire();
    try {
      const name = objectName(this.spec, facts.key);
      await onS3(pathOfObject(name), () => this.#put(name, facts, restored));
    } finally {
      if (isLarge) this.#large.release();
    }
  }

  async #put(name: ObjectName, facts: ObjectFacts, restored: RestoredObject): Promise<void> {
    await using handle = await open(restored.file);
    try {
      if (restored.size > PART_BYTES) await this.#inParts({ ...name, ...headersOf(facts) }, handle, restored.size);
      else await this.#whole({ ...name, ...headersOf(facts) }, await read(handle, 0, restored.size));
    } catch (error) {
      // It may be ours, whose answer was lost, or that of a worker before us.
      if (!TAKEN.includes(nameOf(error))) throw error;
      await this.#ensureSame(name, restored);
    }
  }

  async #whole(input: PutObjectCommandInput, Body: Buffer): Promise<void> {
    const ContentMD5 = createHash('md5').update(Body).digest('base64');
    await this.#send(new PutObjectCommand({ ...input, Body, ContentMD5, IfNoneMatch: '*' }));
  }

  async #inParts(input: PutObjectCommandInput, handle: FileHandle, size: number): Promise<void> {
    const { Bucket, Key } = input;
    const { UploadId } = await this.#send(new CreateMultipartUploadCommand(input));
    const about = { Bucket, Key, UploadId };
    try {
      const parts: { PartNumber: number; ETag: string | undefined }[] = [];
      const bytes = Math.max(PART_BYTES, Math.ceil(size / MOST_PARTS));
      for (let from = 0; from < size; from += bytes) {
        const Body = await read(handle, from, Math.min(bytes, size - from));
        const PartNumber = parts.length + 1;
        const { ETag } = await this.#send(new UploadPartCommand({ ...about, PartNumber, Body }));
        parts.push({ PartNumber, ETag });
      }
      const MultipartUpload = { Parts: parts };
      await this.#send(new CompleteMultipartUploadCommand({ ...about, MultipartUpload, IfNoneMatch: '*' }));
    } catch (error) {
      // Nobody sees it, but it costs money.
      await this.client.send(new AbortMultipartUploadCommand(about)).catch(() => undefined);
      throw error;
    }
  }

  async #ensureSame(name: ObjectName, { size, sha256 }: RestoredObject): Promise<void> {
    const { Body, ContentLength } = await this.#send(new GetObjectCommand(name));
    const hash = createHash('sha256');
    for await (const chunk of (Body ?? []) as AsyncIterable<Buffer>) hash.update(chunk);
    if (ContentLength === size && hash.digest('hex') === sha256) return;
    throw new HozenError('RESTORE_IMPOSSIBLE', {
      target: this.spec.name,
      what: obstaclesText('en', [{ kind: 'bucket-taken', what: pathOfObject(name) }]),
    });
  }

  #send: S3Client['send'] = ((command: Parameters<S3Client['send']>[0]) =>
    this.client.send(command, { abortSignal: this.signal })) as S3Client['send'];
}

function headersOf(facts: ObjectFacts): Partial<PutObjectCommandInput> {
  const expires = facts.expires === undefined ? Number.NaN : Date.parse(facts.expires);
  return {
    ContentType: facts.contentType,
    ContentEncoding: facts.contentEncoding,
    ContentLanguage: facts.contentLanguage,
    ContentDisposition: facts.contentDisposition,
    CacheControl: facts.cacheControl,
    Metadata: facts.metadata,
    ...(Number.isNaN(expires) ? {} : { Expires: new Date(expires) }),
    ...(facts.tags ? { Tagging: new URLSearchParams(facts.tags).toString() } : {}),
    ...(facts.storageClass ? { StorageClass: facts.storageClass as PutObjectCommandInput['StorageClass'] } : {}),
  };
}

async function read(handle: FileHandle, from: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  for (let done = 0; done < length;) {
    const { bytesRead } = await handle.read(bytes, done, length - done, from + done);
    if (bytesRead === 0) throw new RangeError('a restored file is shorter than it was');
    done += bytesRead;
  }
  return bytes;
}
