import type { Clock } from './clock.js';

interface Sleeper {
  until: number;
  wake: () => void;
}

/** A clock that goes on to the next sleeper as soon as everybody sleeps. */
export class SteppedClock implements Clock {
  #now = 0;
  readonly #sleepers: Sleeper[] = [];

  now(): number {
    return this.#now;
  }

  /** Something took so long. */
  pass(milliseconds: number): void {
    this.#now += milliseconds;
  }

  sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      this.#sleepers.push({ until: this.#now + milliseconds, wake: resolve });
    });
  }

  /** Lets time pass until the work is done. */
  async run<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const settled = () => (done = true);
    work.then(settled, settled);
    for (;;) {
      // Whoever can go on without time goes on first.
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
      if (done) return work;
      this.#sleepers.sort((one, other) => one.until - other.until);
      const next = this.#sleepers.shift();
      if (!next) continue;
      this.#now = Math.max(this.#now, next.until);
      next.wake();
    }
  }
}
