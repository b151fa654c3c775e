import type { S3StorageSpec } from '@hozen/contracts';
import { storageLocation } from '@hozen/contracts';
import { parseManifest } from '../../artefact/manifest.js';
import type { ByteSource } from '../../artefact/byte-source.js';
import { type ArtefactOwner, pathsIn, removalOrder } from '../artefact-paths.js';
import type { ArtefactSink, Fence, Storage } from '../storage.js';
import { Bucket } from './bucket.js';
import { removeLeftovers } from './leftovers.js';
import { writeMarker } from './marker.js';
import { S3Artefact } from './s3-artefact.js';
import { S3Source } from './s3-source.js';

/** Artefacts in a bucket. */
export class S3Storage implements Storage {
  private constructor(
    private readonly spec: S3StorageSpec,
    private readonly bucket: Bucket,
  ) {}

  static of(spec: S3StorageSpec): S3Storage {
    return new S3Storage(spec, new Bucket(spec));
  }

  async check(owner: ArtefactOwner): Promise<undefined> {
    await this.bucket.list(`${pathsIn(this.spec, owner).directory}/.`);
  }

  async open(owner: ArtefactOwner, expectedBytes: number): Promise<ArtefactSink> {
    await this.removeLeftovers(owner, owner.epoch);
    return S3Artefact.create(owner, pathsIn(this.spec, owner), this.bucket, expectedBytes);
  }

  readText(path: string): Promise<string | undefined> {
    return this.bucket.readText(path);
  }

  source(path: string): Promise<ByteSource> {
    return S3Source.open(this.bucket, path);
  }

  async *files(): AsyncGenerator<string> {
    yield* await this.bucket.list(`${storageLocation(this.spec)}/`);
  }

  async remove(dataPath: string): Promise<void> {
    for (const path of removalOrder(dataPath)) await this.bucket.remove(path);
  }

  async discard(owner: ArtefactOwner, epoch: number, fence: Fence): Promise<void> {
    const paths = pathsIn(this.spec, owner);
    const text = await this.bucket.readText(paths.manifest);
    const standing = text === undefined ? undefined : parseManifest(text, paths.manifest);
    if (standing?.runId !== owner.runId || standing.epoch !== epoch) return;
    fence.ensureLease();
    // Should this process die in between, the marker tells the next owner to look for the rest.
    await writeMarker(this.bucket, paths.partial('data'), []);
    // A later owner may have proven it meanwhile, and told everybody.
    fence.ensureLease();
    await this.bucket.remove(paths.manifest);
    await this.removeLeftovers(owner, owner.epoch);
  }

  async removeLeftovers(owner: ArtefactOwner, epoch: number): Promise<void> {
    await removeLeftovers(this.bucket, pathsIn(this.spec, owner).directory, owner, epoch);
  }
}
