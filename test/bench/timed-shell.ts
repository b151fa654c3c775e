import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpuSeconds, type Measured } from './measure.js';

/**
 * Runs a command as a whole and measures it, with what it makes the server work.
 * @param size of what it leaves, in MB (10^6 bytes)
 * @throws Error with its messages when it fails
 */
export async function timedShell(
  command: string,
  { server, env, size }: { server: number; env: NodeJS.ProcessEnv; size: () => Promise<number> },
): Promise<Measured> {
  const serverBefore = await cpuSeconds(server);
  const startedAt = performance.now();
  const child = spawn('/usr/bin/time', ['-f', '%U %S %M', 'sh', '-c', command], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let figures = '';
  child.stderr.on('data', (chunk: Buffer) => (figures += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  const wall = (performance.now() - startedAt) / 1000;
  if (code !== 0) throw new Error(`${command}: ${figures}`);
  const [user = 0, system = 0, kilobytes = 0] = (figures.trim().split('\n').at(-1) ?? '').split(' ').map(Number);
  const cpu = user + system + (await cpuSeconds(server)) - serverBefore;
  return { wall, cpu, peak: (kilobytes * 1024) / 1e6, size: await size() };
}
