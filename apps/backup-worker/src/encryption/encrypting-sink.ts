import { createHash, randomBytes } from 'node:crypto';
import type { ByteSink, WrittenFile } from '../artefact/member-writer.js';
import type { ArtefactSink, ArtefactTexts, Fence, SecondSink } from '../storage/storage.js';
import { writeHeader } from './age-header.js';
import { CHUNK, PAYLOAD_NONCE, payloadKey, sealer } from './chunks.js';
import { wrapFor } from './recipients.js';

const FILE_KEY = 16;

/** Encrypts what it is given as one age file, in constant memory. */
export class AgeSink<Inner extends ByteSink = ByteSink> implements ByteSink {
  readonly #hash = createHash('sha256');
  /** The next chunk: whether it is the last one, and so how it is sealed, is known when more comes, or nothing does. */
  readonly #held = Buffer.allocUnsafeSlow(CHUNK);
  #filled = 0;
  #chunk = 0;
  #bytes = 0;

  protected constructor(
    protected readonly inner: Inner,
    /** Reads the file again as long as this process remembers it; nobody else can without an identity. */
    readonly fileKey: Buffer,
    private readonly payload: Buffer,
  ) {}

  /** @param inner is aborted when the beginning of the file cannot be written */
  static async over(inner: ByteSink, recipients: readonly string[]): Promise<AgeSink> {
    const { fileKey, payload } = await begun(inner, recipients);
    return new AgeSink(inner, fileKey, payload);
  }

  async write(bytes: Buffer): Promise<void> {
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
    let from = 0;
    while (this.#filled + bytes.length - from > CHUNK) {
      const end = from + CHUNK - this.#filled;
      await this.#seal(bytes.subarray(from, end), false);
      from = end;
    }
    this.#filled += bytes.copy(this.#held, this.#filled, from);
  }

  async finish(): Promise<WrittenFile> {
    await this.#seal(Buffer.alloc(0), true);
    const written = await this.inner.finish();
    return { ...written, plain: { bytes: this.#bytes, sha256: this.#hash.digest('hex') } };
  }

  abort(): Promise<void> {
    return this.inner.abort();
  }

  /** What is held, and `rest` after it, as one chunk. */
  async #seal(rest: Buffer, isLast: boolean): Promise<void> {
    const cipher = sealer(this.payload, this.#chunk++, isLast);
    const held = this.#held.subarray(0, this.#filled);
    this.#filled = 0;
    if (held.length > 0) await this.inner.write(cipher.update(held));
    if (rest.length > 0) await this.inner.write(cipher.update(rest));
    cipher.final();
    await this.inner.write(cipher.getAuthTag());
  }
}

/** An artefact that is encrypted on its way into its storage. */
export class EncryptingSink extends AgeSink<ArtefactSink> implements ArtefactSink {
  /** @param inner is aborted when the beginning of the file cannot be written */
  static async create(inner: ArtefactSink, recipients: readonly string[]): Promise<EncryptingSink> {
    const { fileKey, payload } = await begun(inner, recipients);
    return new EncryptingSink(inner, fileKey, payload);
  }

  get second(): SecondSink | undefined {
    return this.inner.second;
  }

  publish(texts: ArtefactTexts, fence: Fence): Promise<void> {
    return this.inner.publish(texts, fence);
  }
}

/** Writes what stands before the payload. */
async function begun(inner: ByteSink, recipients: readonly string[]): Promise<{ fileKey: Buffer; payload: Buffer }> {
  const fileKey = randomBytes(FILE_KEY);
  const nonce = randomBytes(PAYLOAD_NONCE);
  try {
    const stanzas = recipients.map((recipient) => wrapFor(recipient, fileKey));
    await inner.write(Buffer.concat([writeHeader(stanzas, fileKey), nonce]));
    return { fileKey, payload: payloadKey(fileKey, nonce) };
  } catch (error) {
    await inner.abort();
    throw error;
  }
}
