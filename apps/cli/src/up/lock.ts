import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HozenError } from '@hozen/contracts';
import { findProgram } from '@hozen/dbms';

const TAKEN = 75;

/**
 * One `hozen up` a data folder. The kernel holds the lock (flock) and lets it go with the process, however it ends; so
 * there are no stale locks. A small child holds it, since Node has no flock of its own; it ends when we do.
 * @returns releases the lock
 * @throws HozenError ALREADY_RUNNING, TOOL_MISSING
 */
export async function lockHome(home: string): Promise<() => Promise<void>> {
  const flock = findProgram('flock');
  if (flock === undefined) {
    throw new HozenError('TOOL_MISSING', { tool: 'flock', major: '' }, { detail: 'install the package util-linux' });
  }
  const file = join(home, 'run', 'up.lock');
  const args = [
    '--nonblock',
    '--conflict-exit-code',
    String(TAKEN),
    file,
    'sh',
    '-c',
    'echo locked; exec cat >/dev/null',
  ];
  // A group of its own, so that Ctrl-C does not take the lock away while everything is still being stopped.
  const holder = spawn(flock, args, { stdio: ['pipe', 'pipe', 'ignore'], detached: true });
  const ended = once(holder, 'exit');
  const first = await Promise.race([once(holder.stdout, 'data').then(() => 'locked' as const), ended]);
  if (first !== 'locked') {
    if (first[0] !== TAKEN) throw new HozenError('STORAGE_UNWRITABLE', { path: file });
    const pid = (await readFile(file, 'utf8').catch(() => '')).trim();
    throw new HozenError('ALREADY_RUNNING', { pid: pid || '?', home });
  }
  await writeFile(file, `${process.pid}\n`);
  return async () => {
    holder.stdin.end();
    await ended;
  };
}
