import { GetObjectCommand } from '@aws-sdk/client-s3';
import { HozenError } from '@hozen/contracts';
import type { ByteSource } from '../../artefact/byte-source.js';
import type { Bucket } from './bucket.js';
import { onS3 } from './s3-error.js';

const PIECE = 8 * 1024 * 1024;

/** A piece that breaks off is asked for again, from where it broke. */
const ATTEMPTS = 4;

/** An object, read by ranges. */
export class S3Source implements ByteSource {
  readonly piece = PIECE;

  private constructor(
    private readonly bucket: Bucket,
    private readonly path: string,
    readonly size: number,
  ) {}

  /** @throws HozenError ARTEFACT_MISSING, and of the STORAGE_ codes */
  static async open(bucket: Bucket, path: string): Promise<S3Source> {
    const found = await bucket.head(path);
    if (!found) throw new HozenError('ARTEFACT_MISSING', { path });
    return new S3Source(bucket, path, found.bytes);
  }

  async readInto(buffer: Buffer, offset: number): Promise<number> {
    const wanted = buffer.subarray(0, Math.max(0, this.size - offset));
    let done = 0;
    for (let attempt = 1; done < wanted.length; attempt++) {
      const { bytes, failure } = await this.#read(wanted.subarray(done), offset + done);
      done += bytes;
      if (failure !== undefined && attempt === ATTEMPTS) await onS3(this.path, () => Promise.reject(failure));
    }
    return done;
  }

  /** Reads as far as it comes. */
  async #read(wanted: Buffer, offset: number): Promise<{ bytes: number; failure?: Error }> {
    let bytes = 0;
    try {
      for await (const chunk of this.#range(offset, wanted.length)) bytes += chunk.copy(wanted, bytes);
      return bytes < wanted.length ? { bytes, failure: new Error('the answer was cut off') } : { bytes };
    } catch (thrown) {
      return { bytes, failure: thrown instanceof Error ? thrown : new Error(String(thrown)) };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The connections are the client's.
  }

  async *#range(offset: number, length: number): AsyncGenerator<Buffer> {
    const Range = `bytes=${offset}-${offset + length - 1}`;
    const stall = new AbortController();
    const timer = setTimeout(() => stall.abort(new Error('no byte came for too long')), this.#stallMs);
    try {
      const request = new GetObjectCommand({ ...this.bucket.at(this.path), Range });
      const { Body } = await this.bucket.client.send(request, { abortSignal: stall.signal });
      for await (const chunk of Body as AsyncIterable<Buffer>) {
        timer.refresh();
        yield chunk;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  get #stallMs(): number {
    return this.bucket.spec.stallSeconds * 1000;
  }
}
