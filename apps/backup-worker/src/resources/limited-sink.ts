import type { WrittenFile } from '../artefact/member-writer.js';
import type { ArtefactSink, ArtefactTexts, Fence, SecondSink } from '../storage/storage.js';
import type { RateLimit } from './rate-limit.js';

export function limited(sink: ArtefactSink, limit: RateLimit | undefined): ArtefactSink {
  return limit ? new LimitedSink(sink, limit) : sink;
}

/** Writes no faster than it may, in small pieces. */
class LimitedSink implements ArtefactSink {
  constructor(
    private readonly inner: ArtefactSink,
    private readonly limit: RateLimit,
  ) {}

  get second(): SecondSink | undefined {
    return this.inner.second;
  }

  async write(bytes: Buffer): Promise<void> {
    const { pieceBytes } = this.limit;
    for (let from = 0; from < bytes.length; from += pieceBytes) {
      const piece = bytes.subarray(from, from + pieceBytes);
      await this.limit.take(piece.length);
      await this.inner.write(piece);
    }
  }

  finish(): Promise<WrittenFile> {
    return this.inner.finish();
  }

  publish(texts: ArtefactTexts, fence: Fence): Promise<void> {
    return this.inner.publish(texts, fence);
  }

  abort(): Promise<void> {
    return this.inner.abort();
  }
}
