import { setTimeout as delay } from 'node:timers/promises';
import type { Say } from './say.js';

/** A server of ours that should run until it is stopped. */
export interface KeptServer {
  name: string;
  logFile: string;
  isRunning(): boolean;
  /** On the same port: the services know no other. */
  restart(): Promise<void>;
}

const LOOK_EVERY_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Starts the server again when it has died: the services wait for it and go on.
 * @returns ends the watch; the server is left as it is
 */
export function keepRunning(server: KeptServer, say: Say, lookEveryMs = LOOK_EVERY_MS): () => Promise<void> {
  const stop = new AbortController();
  const watch = watchUntil(stop.signal, server, say, lookEveryMs);
  return async () => {
    stop.abort();
    await watch;
  };
}

async function watchUntil(stop: AbortSignal, server: KeptServer, say: Say, lookEveryMs: number): Promise<void> {
  let pause = lookEveryMs;
  while (!stop.aborted) {
    await delay(pause, undefined, { signal: stop }).catch(() => undefined);
    if (stop.aborted || server.isRunning()) continue;
    try {
      await server.restart();
      pause = lookEveryMs;
      say.warn('up.server-restarted', { server: server.name, log: server.logFile });
    } catch {
      // The reason stands in its log, which the line names.
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      say.warn('up.server-lost', { server: server.name, log: server.logFile, seconds: pause / 1000 });
    }
  }
}
