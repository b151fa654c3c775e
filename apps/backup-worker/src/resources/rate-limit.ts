import { clock, type Clock } from './clock.js';

/** Of what was not used before, so many milliseconds' worth may be taken at once. */
const BURST_MS = 50;

/** Shorter waits are made up for by the next one. */
const SHORTEST_WAIT_MS = 1;

/**
 * Holds a flow of bytes to a rate, evenly: whoever takes waits until what was taken is paid for. Several may take at once;
 * together they have the rate.
 */
export class RateLimit {
  /** The moment at which all that was taken is paid for. */
  #paidAt = Number.NEGATIVE_INFINITY;

  /** @param signal ends all waiting, with its reason */
  constructor(
    readonly bytesPerSecond: number,
    private readonly signal: AbortSignal,
    private readonly time: Clock = clock,
  ) {}

  /** Bytes that are worth handling at once: a twentieth of a second. */
  get pieceBytes(): number {
    return Math.min(1_048_576, Math.max(4_096, Math.floor(this.bytesPerSecond / 20)));
  }

  /** @returns a promise where the taker has to wait */
  take(bytes: number): Promise<void> | undefined {
    const now = this.time.now();
    this.#paidAt = Math.max(this.#paidAt, now - BURST_MS) + (bytes / this.bytesPerSecond) * 1_000;
    const wait = this.#paidAt - now;
    return wait < SHORTEST_WAIT_MS ? undefined : this.time.sleep(wait, this.signal);
  }
}
