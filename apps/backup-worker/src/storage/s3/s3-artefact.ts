import { type ArtefactOwner, SIDE_KINDS, type ArtefactKind, type ArtefactPaths } from '../artefact-paths.js';
import { conflictAt } from '../conflict.js';
import { publishInOrder } from '../publish-in-order.js';
import type { ArtefactSink, ArtefactTexts, Fence } from '../storage.js';
import type { Bucket } from './bucket.js';
import { writeMarker } from './marker.js';
import { planParts } from './part-plan.js';
import { PartsSink } from './parts-sink.js';
import { Upload } from './upload.js';

/** Of each kind that the job has. */
type Uploads = Partial<Record<ArtefactKind, Upload>> & { data: Upload };

/** An artefact in the making: some uploads that nobody sees, and a marker that tells whose they are. */
export class S3Artefact implements ArtefactSink {
  readonly #parts: PartsSink;

  private constructor(
    private readonly owner: ArtefactOwner,
    private readonly paths: ArtefactPaths,
    private readonly bucket: Bucket,
    private readonly uploads: Uploads,
    expectedBytes: number,
  ) {
    const { maxParts } = bucket.spec;
    this.#parts = new PartsSink(uploads.data, planParts(expectedBytes, maxParts), maxParts);
  }

  static async create(
    owner: ArtefactOwner,
    paths: ArtefactPaths,
    bucket: Bucket,
    expected: number,
  ): Promise<S3Artefact> {
    const marker = paths.partial('data');
    // Before the uploads: whoever dies in between has said that uploads without a name in a marker may be its.
    await writeMarker(bucket, marker, []);
    const begin = (kind: ArtefactKind) => Upload.begin(bucket, paths[kind], owner, kind === 'data');
    const uploads: Uploads = { data: await begin('data') };
    for (const kind of owner.kinds) uploads[kind] ??= await begin(kind);
    await writeMarker(bucket, marker, Object.values(uploads));
    return new S3Artefact(owner, paths, bucket, uploads, expected);
  }

  write(bytes: Buffer): Promise<void> {
    return this.#parts.write(bytes);
  }

  finish(): Promise<{ bytes: number; sha256: string }> {
    return this.#parts.finish();
  }

  async abort(): Promise<void> {
    await this.#parts.settle();
    try {
      for (const kind of this.owner.kinds.toReversed()) await this.uploads[kind]?.abort();
      await this.bucket.remove(this.paths.partial('data'));
    } catch {
      // The marker stands: the clean-up of the run tries again.
    }
  }

  async publish(texts: ArtefactTexts, fence: Fence): Promise<void> {
    for (const kind of [...SIDE_KINDS, 'manifest'] as const) {
      const text = texts[kind];
      if (text !== undefined) await this.uploads[kind]?.part(1, Buffer.from(text));
    }
    await publishInOrder(this.owner.kinds, fence, (kind) => this.#show(kind));
    await this.bucket.remove(this.paths.partial('data'));
  }

  async #show(kind: ArtefactKind): Promise<void> {
    if (await this.uploads[kind]?.complete()) return;
    const other = await this.bucket.readText(this.paths.manifest).catch(() => undefined);
    throw conflictAt(this.owner, this.paths[kind], other);
  }
}
