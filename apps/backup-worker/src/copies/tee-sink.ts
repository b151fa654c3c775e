import type { WrittenFile } from '../artefact/member-writer.js';
import type { ArtefactSink, ArtefactTexts, Fence } from '../storage/storage.js';
import type { SecondCopy } from './second-copy.js';

/** Writes an artefact into two storages in one pass. Only the first one can fail it. */
export class TeeSink implements ArtefactSink {
  constructor(
    private readonly first: ArtefactSink,
    readonly second: SecondCopy,
  ) {}

  async write(bytes: Buffer): Promise<void> {
    const wait = this.second.take(bytes);
    await this.first.write(bytes);
    if (wait) await wait;
  }

  async finish(): Promise<WrittenFile> {
    const written = await this.first.finish();
    await this.second.finish(written.sha256);
    return written;
  }

  async publish(texts: ArtefactTexts, fence: Fence): Promise<void> {
    this.second.hold(texts);
    await this.first.publish(texts, fence);
  }

  async abort(): Promise<void> {
    await Promise.all([this.first.abort(), this.second.abort()]);
  }
}
