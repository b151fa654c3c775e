import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { processesMatching, tempDir, type TempDir } from '@hozen/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandBlocks, ROOT } from './documentation.js';

const START_MS = 300_000;
const BLOCK_MS = 300_000;

interface UpLine {
  type: string;
  ok?: boolean;
  run?: { id: string; state: string; traceId: string; artefact: { path: string; proof: { level: string } } };
  deliveries?: { state: string; channel: string; file: string }[];
}

let folder: TempDir;
let up: ChildProcess;
let report: UpLine | undefined;
let errors = '';

/** Starts it, and returns when it has reported, or ended. */
async function startUp(): Promise<void> {
  up = spawn(process.execPath, [join(ROOT, 'apps/cli/bin/hozen.mjs'), 'up', '--json'], {
    env: { ...process.env, HOZEN_HOME: folder.join('home') },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  up.stderr?.on('data', (chunk: Buffer) => {
    errors += String(chunk);
  });
  if (!up.stdout) throw new Error('there is no output');
  // Read on after the report as well, or a full pipe would stop the program.
  const lines = createInterface({ input: up.stdout });
  report = await new Promise<UpLine | undefined>((resolve) => {
    lines.on('line', (line) => {
      const parsed = JSON.parse(line) as UpLine;
      if (parsed.type === 'report') resolve(parsed);
    });
    lines.on('close', () => resolve(undefined));
  });
}

async function hozen<T>(...args: string[]): Promise<T> {
  const command = [join(ROOT, 'apps/cli/bin/hozen.mjs'), ...args, '--json'];
  const env = { ...process.env, HOZEN_HOME: folder.join('home') };
  return JSON.parse((await promisify(execFile)(process.execPath, command, { env })).stdout) as T;
}

async function stopUp(): Promise<void> {
  up.kill('SIGINT');
  expect(await once(up, 'exit')).toEqual([0, null]);
  await expect.poll(() => processesMatching(folder.path), { timeout: 10_000 }).toEqual([]);
}

beforeAll(async () => {
  folder = await tempDir();
  await startUp();
}, START_MS);

afterAll(async () => {
  if (up.exitCode === null && up.signalCode === null) {
    up.kill('SIGKILL');
    await once(up, 'exit');
  }
  await folder[Symbol.asyncDispose]();
});

/** Blocks that set up the machine itself: they are what runs this test. */
const STARTS_ITSELF = /^npm (start|test)\b/m;

describe('hozen up', () => {
  it('ends with a proven backup, a notice and a trace', async () => {
    expect(errors).toBe('');
    expect(report).toMatchObject({
      ok: true,
      run: { state: 'completed', artefact: { proof: { level: 'restore' } } },
      deliveries: [{ state: 'sent', channel: 'email' }],
    });
    expect(await readdir(folder.join('home/mail'))).not.toEqual([]);
    expect(report?.deliveries?.[0]?.file).toContain(folder.join('home/mail'));
  });

  it.each(commandBlocks().filter(({ needs, commands }) => needs === undefined && !STARTS_ITSELF.test(commands)))(
    'then the commands of $file, line $line, work as they stand',
    async ({ commands }) => {
      const env = { ...process.env, HOZEN_HOME: folder.join('home'), HOZEN_TEST_RESULTS: 'off', NX_DAEMON: 'false' };
      const shell = spawn('bash', ['-euo', 'pipefail', '-c', commands], {
        cwd: ROOT,
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let output = '';
      shell.stdout.on('data', (chunk: Buffer) => (output += String(chunk)));
      shell.stderr.on('data', (chunk: Buffer) => (output += String(chunk)));
      const [code] = (await once(shell, 'close')) as [number | null];
      expect({ code, output: code === 0 ? '' : output }).toEqual({ code: 0, output: '' });
    },
    BLOCK_MS,
  );

  it('has made a run of the request that docs/events.md publishes', async () => {
    const { runs } = await hozen<{ runs: { requestedBy?: string }[] }>('runs', '--limit', '200');
    // Bare JSON names nobody; every other run of this test was asked for by the command.
    expect(runs.filter(({ requestedBy }) => requestedBy === undefined)).toHaveLength(1);
  });

  it('stops by Ctrl-C with everything that it started', stopUp, 60_000);

  it(
    'started again, keeps what the user has changed, and works with the sample where it is now',
    async () => {
      await startUp();
      const file = folder.join('home', 'backups.yaml');
      await writeFile(file, (await readFile(file, 'utf8')).replace('retentionDays: 30', 'retentionDays: 77 # ours'));
      await hozen('apply', '-f', file);
      await stopUp();
      await startUp();
      expect(report).toMatchObject({ ok: true, run: { state: 'completed' } });
      const configs = await hozen<{ name: string; retentionDays: number }[]>('configs');
      expect(configs.find(({ name }) => name === 'nightly')?.retentionDays).toBe(77);
      expect(await readFile(file, 'utf8')).toContain('retentionDays: 77 # ours');
      await stopUp();
    },
    START_MS,
  );
});
