import { hostname } from 'node:os';
import { randomUUID } from 'node:crypto';

/** Who claims. Random at its end, so that a worker that comes back under the same host name and pid is never taken for the one that died. */
export function workerName(): string {
  return `${hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`;
}
