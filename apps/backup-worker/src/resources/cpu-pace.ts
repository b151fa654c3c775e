import { availableParallelism } from 'node:os';
import { clock, type Clock } from './clock.js';
import { cpuTimeMs } from './cpu-time.js';

/** Between looks at how much was used. */
const LOOK_EVERY_MS = 100;
/** Of what was not used before, so many milliseconds' worth may be used at once. */
const BURST_MS = 500;
/** What was used beyond the share is waited off up to here; the rest is forgiven, so that work always goes on. */
const LONGEST_WAIT_MS = 1_000;

const NEVER = new AbortController().signal;

/**
 * Holds the work of this process to a share of the processors: those who work ask before each piece, and wait while more than
 * the share was used, by us and by the programs that we started. Those stand still with us, since nobody reads what they write.
 */
export class CpuPace {
  readonly #shares = new Set<{ percent: number }>();
  #lookedAt = Number.NEGATIVE_INFINITY;
  #used: number | undefined;
  #paidAt = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | undefined;

  /** @param usedMs processor time so far, in milliseconds */
  constructor(
    private readonly time: Clock = clock,
    private readonly usedMs: () => Promise<number> = cpuTimeMs,
    private readonly processors = availableParallelism(),
  ) {}

  /** Somebody works with such a share. Several work within the largest of theirs, together. */
  join(percent: number): Disposable {
    const share = { percent };
    if (this.#shares.size === 0) this.#used = undefined;
    this.#shares.add(share);
    return { [Symbol.dispose]: () => void this.#shares.delete(share) };
  }

  /** Before each piece of work. @returns a promise where it is to be waited, a second at most */
  keep(signal: AbortSignal = NEVER): Promise<void> | undefined {
    const now = this.time.now();
    if (now - this.#lookedAt < LOOK_EVERY_MS && this.#paidAt <= now && !this.#looking) return undefined;
    return this.#wait(signal);
  }

  async #wait(signal: AbortSignal): Promise<void> {
    if (this.time.now() - this.#lookedAt >= LOOK_EVERY_MS) await (this.#looking ??= this.#look());
    const wait = Math.min(LONGEST_WAIT_MS, this.#paidAt - this.time.now());
    if (wait > 0) await this.time.sleep(wait, signal);
  }

  async #look(): Promise<void> {
    try {
      const used = await this.usedMs();
      const now = (this.#lookedAt = this.time.now());
      // What has ended in between may be counted elsewhere a moment later.
      const since = Math.max(0, used - (this.#used ?? used));
      this.#used = Math.max(used, this.#used ?? 0);
      const share = Math.max(...[...this.#shares].map(({ percent }) => percent), 1) / 100;
      const paidAt = Math.max(this.#paidAt, now - BURST_MS) + since / (share * this.processors);
      this.#paidAt = Math.min(paidAt, now + LONGEST_WAIT_MS);
    } finally {
      this.#looking = undefined;
    }
  }
}
