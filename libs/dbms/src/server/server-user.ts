import { readFile } from 'node:fs/promises';
import type { RunAs } from '../processes/guarded.js';

/**
 * Who a PostgreSQL server runs as: ourselves, but for root, under which it refuses to start; then `postgres`, or `nobody`
 * where there is none.
 */
export async function serverUser(): Promise<RunAs | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = await readFile('/etc/passwd', 'utf8');
  return accountIn(accounts, 'postgres') ?? accountIn(accounts, 'nobody') ?? { uid: 65534, gid: 65534 };
}

function accountIn(accounts: string, name: string): RunAs | undefined {
  const [, , uid, gid] =
    accounts
      .split('\n')
      .find((line) => line.startsWith(`${name}:`))
      ?.split(':') ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}
