import { setTimeout as delay } from 'node:timers/promises';

export interface Patience {
  /** Milliseconds; 10 s by default. */
  within?: number;
}

const POLL_MS = 20;

/**
 * Tries until `attempt` succeeds, and returns its result. For what tells nobody when it is done.
 *
 * @throws Error when the time is over, with the last failure in it
 */
export async function eventually<T>(attempt: () => T | Promise<T>, { within = 10_000 }: Patience = {}): Promise<T> {
  const deadline = performance.now() + within;
  for (;;) {
    try {
      return await attempt();
    } catch (cause) {
      if (performance.now() >= deadline) {
        const message = cause instanceof Error ? cause.message : String(cause);
        throw new Error(`still not so after ${within} ms: ${message}`, { cause });
      }
    }
    await delay(POLL_MS);
  }
}
