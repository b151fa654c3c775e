import { HozenError } from '@hozen/contracts';
import type { LeaseKeeper } from './lease-keeper.js';

/** The process stops: the job goes back and another process, or this one after its start, goes on with it. */
export class HandBack extends Error {
  constructor() {
    super('the worker is stopping and hands the run back');
  }
}

/** `setTimeout` fires at once for anything longer. */
const LONGEST_TIMER_MS = 2_147_483_647;

/** Everything that can stop a leased job from outside, as one signal whose reason says which it was. */
export class JobSignals implements Disposable {
  readonly signal: AbortSignal;
  readonly #stopper = new AbortController();
  readonly #timer: NodeJS.Timeout;

  /** @param limitMs milliseconds until `timedOut` is the reason to stop */
  constructor(
    private readonly lease: LeaseKeeper,
    private readonly shutdown: AbortSignal,
    limitMs: number,
    timedOut: HozenError,
  ) {
    this.signal = AbortSignal.any([this.#stopper.signal, lease.signal]);
    const delayMs = Math.min(Math.max(0, limitMs), LONGEST_TIMER_MS);
    this.#timer = setTimeout(() => this.#stopper.abort(timedOut), delayMs);
    if (shutdown.aborted) this.#handBack();
    else shutdown.addEventListener('abort', this.#handBack, { once: true });
  }

  /** Somebody asked for it. */
  cancel(): void {
    this.#stopper.abort(new HozenError('CANCELLED'));
  }

  /** What stopped the job, rather than the error that stopping caused somewhere inside. */
  reasonOr(error: unknown): unknown {
    if (this.lease.signal.aborted) return new HozenError('LEASE_LOST', {}, { cause: error });
    return this.signal.aborted ? this.signal.reason : error;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.shutdown.removeEventListener('abort', this.#handBack);
  }

  readonly #handBack = () => this.#stopper.abort(new HandBack());
}
