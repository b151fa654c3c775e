import { chown, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunAs } from '../processes/guarded.js';

/** Longest path of a Unix socket on Linux (sun_path without its end mark). */
const MAX_SOCKET_PATH = 107;

export interface SocketFolder {
  path: string;
  /** Made for this server alone, to be removed with it. */
  temporary: boolean;
}

/**
 * The folder of the server's socket: the data directory, which is private already, or where its path is too long (or
 * holds what PostgreSQL would read as a list) a private one under /tmp. Whoever can enter it is let in as superuser.
 */
export async function socketFolder(dataDir: string, owner: RunAs | undefined): Promise<SocketFolder> {
  const fits = Buffer.byteLength(join(dataDir, '.s.PGSQL.65535')) <= MAX_SOCKET_PATH;
  if (fits && /^[\w./+-]+$/.test(dataDir)) return { path: dataDir, temporary: false };
  // mkdtemp makes it 0700.
  const path = await mkdtemp('/tmp/hz-pg-');
  if (owner !== undefined) await chown(path, owner.uid, owner.gid);
  return { path, temporary: true };
}
