import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
  type CompletedPart,
} from '@aws-sdk/client-s3';
import { HozenError, type S3StorageSpec } from '@hozen/contracts';
import { metadataOf, type Bucket, type ObjectFacts, type Owner } from './bucket.js';
import { nameOf, onS3 } from './s3-error.js';

const DAY_MS = 86_400_000;

/** The provider's word for "something stands there already". */
const TAKEN = ['PreconditionFailed', 'ConditionalRequestConflict'];

/**
 * A multipart upload is to S3 what a partial file is to a folder: nobody sees it until it is completed, and once it is
 * aborted, nobody can complete it any more.
 */
export class Upload {
  readonly #parts: CompletedPart[] = [];
  #bytes = 0;

  private constructor(
    private readonly bucket: Bucket,
    readonly path: string,
    readonly uploadId: string,
    private readonly owner: Owner,
  ) {}

  static async begin(bucket: Bucket, path: string, owner: Owner, isData: boolean): Promise<Upload> {
    const { storageClass } = bucket.spec;
    const created = await onS3(path, () =>
      bucket.client.send(
        new CreateMultipartUploadCommand({
          ...bucket.at(path),
          Metadata: metadataOf(owner),
          ...(isData && storageClass ? { StorageClass: storageClass } : {}),
          ...keepingOf(bucket.spec),
        }),
      ),
    );
    if (!created.UploadId) throw new HozenError('STORAGE_IO', { path }, { detail: 'an upload without a name' });
    return new Upload(bucket, path, created.UploadId, owner);
  }

  /** @param number from 1 */
  async part(number: number, bytes: Buffer): Promise<void> {
    const { bucket, path, uploadId } = this;
    const input = { ...bucket.at(path), UploadId: uploadId, PartNumber: number, Body: bytes };
    const sent = await onS3(path, () => bucket.client.send(new UploadPartCommand(input)));
    if (!sent.ETag) throw new HozenError('STORAGE_IO', { path }, { detail: `part ${number} has no ETag` });
    const { ETag, ChecksumCRC32 } = sent;
    this.#parts[number - 1] = { PartNumber: number, ETag, ...(ChecksumCRC32 ? { ChecksumCRC32 } : {}) };
    this.#bytes += bytes.length;
  }

  /**
   * Makes the object appear, if nothing stands there. Whatever the answer was, or when it was lost: what stands there
   * decides.
   * @returns false when something of others stands there
   * @throws HozenError LEASE_LOST when somebody aborted the upload, STORAGE_IO
   */
  async complete(): Promise<boolean> {
    const { bucket, path, uploadId } = this;
    if (!bucket.spec.conditionalWrites && (await bucket.head(path))) return false;
    let failure: unknown;
    try {
      await bucket.client.send(
        new CompleteMultipartUploadCommand({
          ...bucket.at(path),
          UploadId: uploadId,
          MultipartUpload: { Parts: this.#parts },
          ...(bucket.spec.conditionalWrites ? { IfNoneMatch: '*' } : {}),
        }),
      );
    } catch (error) {
      failure = error;
    }
    const standing = await bucket.head(path);
    if (standing && this.#isOurs(standing)) return true;
    if (TAKEN.includes(nameOf(failure)) && standing) return false;
    if (nameOf(failure) === 'NoSuchUpload') throw new HozenError('LEASE_LOST', {}, { cause: failure });
    return onS3(path, () => Promise.reject(asError(failure)));
  }

  /** An upload that is not there any more is no error. */
  async abort(): Promise<void> {
    await abortUpload(this.bucket, this.path, this.uploadId);
  }

  #isOurs({ bytes, owner }: ObjectFacts): boolean {
    return bytes === this.#bytes && owner?.runId === this.owner.runId && owner.epoch === this.owner.epoch;
  }
}

/** How the provider is to encrypt and lock a new object. */
export function keepingOf({ objectLock, ...spec }: S3StorageSpec) {
  return {
    ...encryptingOf(spec),
    ...(objectLock
      ? {
          ObjectLockMode: objectLock.mode,
          ObjectLockRetainUntilDate: new Date(Date.now() + objectLock.days * DAY_MS),
        }
      : {}),
  };
}

export function encryptingOf({ serverSideEncryption, kmsKey }: Pick<S3StorageSpec, 'serverSideEncryption' | 'kmsKey'>) {
  return {
    ...(serverSideEncryption ? { ServerSideEncryption: serverSideEncryption } : {}),
    ...(kmsKey === undefined ? {} : { SSEKMSKeyId: kmsKey }),
  };
}

export async function abortUpload(bucket: Bucket, path: string, uploadId: string): Promise<void> {
  await onS3(path, async () => {
    try {
      await bucket.client.send(new AbortMultipartUploadCommand({ ...bucket.at(path), UploadId: uploadId }));
    } catch (error) {
      if (nameOf(error) !== 'NoSuchUpload') throw error;
    }
  });
}

function asError(failure: unknown): Error {
  return failure instanceof Error ? failure : new Error('the upload was completed, but the object is not there');
}
