import { setTimeout as delay } from 'node:timers/promises';

/** Time that only goes forward, in milliseconds. */
export interface Clock {
  now(): number;
  /** @throws the reason of the signal */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

export const clock: Clock = {
  now: () => performance.now(),
  async sleep(milliseconds, signal) {
    await delay(milliseconds, undefined, { signal }).catch(() => undefined);
    signal.throwIfAborted();
  },
};
