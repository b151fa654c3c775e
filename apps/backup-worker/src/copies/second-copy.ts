import { asHozenError, HozenError, type StorageSpec } from '@hozen/contracts';
import { logger } from '@hozen/telemetry';
import type { BackupJob } from '../job.js';
import { limited } from '../resources/limited-sink.js';
import type { RateLimit } from '../resources/rate-limit.js';
import { artefactPaths, ownerOf } from '../storage/artefact-paths.js';
import { inTime } from '../storage/in-time.js';
import { storageOf } from '../storage/storage-of.js';
import type { ArtefactSink, ArtefactTexts, CopyOutcome, Fence, SecondSink } from '../storage/storage.js';

const log = logger('second copy');

/** Bytes that wait for the second storage, at most: so far it may be behind the first one. */
const BEHIND_BYTES = 32 * 1024 * 1024;

/** In milliseconds. */
interface Patience {
  /** For which the backup waits for the second storage, all in all, before it goes on without it. */
  waitMs: number;
  /** For showing what was written; a bucket may take a while to put many parts together. */
  publishMs: number;
}

const PATIENCE: Patience = { waitMs: 30_000, publishMs: 120_000 };

/**
 * The same artefact in a second storage, written in the same pass. It never fails: what goes wrong there is for later, and
 * the first one goes on.
 */
export class SecondCopy implements SecondSink {
  readonly #path: string;
  readonly #opening: Promise<ArtefactSink>;
  #queue: Promise<void>;
  #behind = 0;
  #waited = 0;
  /** Somebody waits until less is behind. */
  #room: PromiseWithResolvers<void> | undefined;
  #lost: { error: HozenError } | undefined;
  #sha256: string | undefined;
  #texts: ArtefactTexts | undefined;

  constructor(
    job: BackupJob,
    private readonly storage: StorageSpec,
    expectedBytes: number,
    private readonly limit?: RateLimit,
    private readonly patience = PATIENCE,
  ) {
    this.#path = artefactPaths(job, storage).data;
    this.#opening = storageOf(storage)
      .open(ownerOf(job), expectedBytes)
      .then((sink) => limited(sink, limit));
    this.#queue = this.#opening.then(
      () => undefined,
      (error: unknown) => this.#lose(error),
    );
  }

  /** Takes a copy of the bytes. @returns a promise where it is too far behind */
  take(bytes: Buffer): Promise<void> | undefined {
    if (this.#lost) return undefined;
    const copy = Buffer.from(bytes);
    this.#behind += copy.length;
    this.#queue = this.#queue.then(() => this.#write(copy));
    if (this.#behind <= BEHIND_BYTES) return undefined;
    const { promise } = (this.#room ??= Promise.withResolvers<void>());
    return this.#within(() => promise);
  }

  /** Everything was given. It is not visible yet. @param sha256 of the first one */
  async finish(sha256: string): Promise<void> {
    this.#sha256 = sha256;
    // What it may not write faster is not its fault.
    const held = this.limit ? (this.#behind / this.limit.bytesPerSecond) * 1_000 : 0;
    await this.#within(async () => {
      await this.#queue;
      if (this.#lost) return;
      const written = await (await this.#opening).finish();
      if (written.sha256 !== sha256) throw new HozenError('STORAGE_IO', { path: this.#path });
    }, held);
  }

  /** What stands beside the data; it is shown by {@link publish}. */
  hold(texts: ArtefactTexts): void {
    this.#texts = texts;
  }

  /** Shows it, after the first one was proven. @throws HozenError LEASE_LOST alone, when the fence says so */
  async publish(fence: Fence): Promise<CopyOutcome> {
    const texts = this.#texts;
    if (!this.#lost && texts && this.#sha256 !== undefined) {
      try {
        const sink = await this.#opening;
        await inTime(this.patience.publishMs, sink.publish(texts, fence), () => this.#tooSlow());
      } catch (error) {
        // What is missing there may just be lost with its storage. Whether the lease is, only the lease can tell.
        fence.ensureLease();
        this.#lose(error);
      }
    }
    if (this.#lost) await this.abort();
    const about = { path: this.#path, storage: this.storage };
    return this.#lost ? { ...about, state: 'pending', error: this.#lost.error } : { ...about, state: 'standing' };
  }

  /** Removes what was written, as far as it can be reached in time. Never throws. */
  async abort(): Promise<void> {
    this.#lost ??= { error: new HozenError('CANCELLED') };
    this.#makeRoom();
    const aborted = this.#opening.then((sink) => sink.abort());
    await inTime(this.patience.publishMs, aborted, () => this.#tooSlow()).catch(() => undefined);
  }

  #tooSlow(): HozenError {
    return new HozenError('STORAGE_IO', { path: this.#path }, { detail: 'it is too slow for the first one' });
  }

  async #write(bytes: Buffer): Promise<void> {
    try {
      if (!this.#lost) await (await this.#opening).write(bytes);
    } catch (error) {
      this.#lose(error);
    } finally {
      this.#behind -= bytes.length;
      if (this.#behind <= BEHIND_BYTES / 2) this.#makeRoom();
    }
  }

  #makeRoom(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  /** Does it in what is left of our patience, and `heldMs` more. */
  async #within(work: () => Promise<void>, heldMs = 0): Promise<void> {
    if (this.#lost) return;
    const began = performance.now();
    try {
      await inTime(this.patience.waitMs - this.#waited + heldMs, work(), () => this.#tooSlow());
    } catch (error) {
      this.#lose(error);
    } finally {
      this.#waited += performance.now() - began;
    }
  }

  #lose(thrown: unknown): void {
    if (this.#lost) return;
    const error = asHozenError(thrown);
    this.#lost = { error };
    this.#makeRoom();
    log.warn({ err: error, path: this.#path }, 'the second copy is not written with the first one; it is made later');
  }
}
