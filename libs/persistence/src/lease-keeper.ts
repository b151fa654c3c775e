import { performance } from 'node:perf_hooks';
import { HozenError } from '@hozen/contracts';
import { logger } from '@hozen/telemetry';

export interface LeaseSettings {
  /** How long the lease lasts after a renewal, in ms; default 15000. Must be what `renew` writes. */
  ttlMs?: number;
  /** Time between renewals in ms; default 5000. */
  everyMs?: number;
  /** How long before its end the lease counts as lost, in ms; default 3000: time to stop everything. */
  marginMs?: number;
  /** `performance.now()` from before the claim was sent; default: now. */
  claimedAt?: number;
  /** Renews in the database. `false`: somebody else has it. Throwing: not known, it is tried again. */
  renew: () => Promise<boolean>;
  /** Called once, when the signal aborts. */
  onLost?: (error: HozenError) => void;
}

const NOT_IN_TIME = 'it was not renewed in time';

const log = logger('lease');

/**
 * Keeps a lease while a job runs. The time is counted on the monotonic clock from before each renewal was sent, so that
 * this side gives up before the database lets anyone else in, whatever the wall clock or the network does.
 */
export class LeaseKeeper implements AsyncDisposable {
  readonly #lost = new AbortController();
  readonly #ttlMs: number;
  readonly #everyMs: number;
  readonly #marginMs: number;
  #validUntil: number;
  #stopped = false;
  #renewal: Promise<void> = Promise.resolve();
  #nextRenewal: NodeJS.Timeout | undefined;
  #end: NodeJS.Timeout | undefined;

  private constructor(private readonly settings: LeaseSettings) {
    this.#ttlMs = settings.ttlMs ?? 15_000;
    this.#everyMs = settings.everyMs ?? 5_000;
    this.#marginMs = settings.marginMs ?? 3_000;
    this.#validUntil = (settings.claimedAt ?? performance.now()) + this.#ttlMs;
    this.#armEnd();
    this.#armRenewal(this.#everyMs);
  }

  /** Keeps a lease that was just claimed; ends with `stop()`. */
  static keep(settings: LeaseSettings): LeaseKeeper {
    return new LeaseKeeper(settings);
  }

  /** Aborts when the lease is lost, with the error as reason. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /**
   * To be called right before an effect that only the owner may cause. Counts for itself: after the process was paused
   * the timers have not run yet.
   * @throws HozenError LEASE_LOST
   */
  ensure(): void {
    this.#lost.signal.throwIfAborted();
    if (performance.now() < this.#validUntil - this.#marginMs) return;
    this.#lose(NOT_IN_TIME);
    throw new HozenError('LEASE_LOST', {}, { detail: NOT_IN_TIME });
  }

  /** Ends the renewing; waits for one under way, so that nothing is written afterwards. The lease itself just runs out. */
  async stop(): Promise<void> {
    this.#disarm();
    await this.#renewal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #armRenewal(delayMs: number): void {
    if (this.#stopped) return;
    this.#nextRenewal = setTimeout(() => {
      this.#renewal = this.#renew();
    }, delayMs);
  }

  #armEnd(): void {
    clearTimeout(this.#end);
    if (this.#stopped) return;
    const left = this.#validUntil - this.#marginMs - performance.now();
    this.#end = setTimeout(() => this.#lose(NOT_IN_TIME), Math.max(0, left));
  }

  async #renew(): Promise<void> {
    const sentAt = performance.now();
    try {
      const renewed = await this.settings.renew();
      if (!renewed) return this.#lose('another owner has it');
      this.#validUntil = sentAt + this.#ttlMs;
      this.#armEnd();
      this.#armRenewal(Math.max(0, this.#everyMs - (performance.now() - sentAt)));
    } catch (error) {
      log.warn({ error: (error as Error).message }, 'renewing a lease failed; it is tried again while there is time');
      this.#armRenewal(Math.min(this.#everyMs, 500));
    }
  }

  #lose(why: string): void {
    if (this.#stopped) return;
    this.#disarm();
    const error = new HozenError('LEASE_LOST', {}, { detail: why });
    this.#lost.abort(error);
    this.settings.onLost?.(error);
  }

  #disarm(): void {
    this.#stopped = true;
    clearTimeout(this.#nextRenewal);
    clearTimeout(this.#end);
  }
}
