import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SupervisedService, type ServiceStart } from './supervised-service.js';

let folder: string;
let deaths: { how: string; pauseMs: number }[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hozen-supervised-'));
  deaths = [];
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const ANSWERS = `
import { createServer } from 'node:http';
import { writeFileSync, appendFileSync } from 'node:fs';
const [runFile, lives] = process.argv.slice(2);
appendFileSync(lives, process.pid + '\\n');
console.error('hello from', process.pid);
const server = createServer((request, response) => response.end('ready')).listen(0, '127.0.0.1', () => {
  writeFileSync(runFile, JSON.stringify({ pid: process.pid, url: 'http://127.0.0.1:' + server.address().port }));
});
process.on('SIGTERM', () => { appendFileSync(lives, 'asked to end\\n'); process.exit(0); });
`;

async function startOf(program: string): Promise<ServiceStart> {
  const file = join(folder, 'service.mjs');
  await writeFile(file, program);
  const runFile = join(folder, 'scheduler.json');
  return {
    service: 'scheduler',
    args: [file, runFile, join(folder, 'lives')],
    env: { PATH: process.env['PATH'] },
    logFile: join(folder, 'service.log'),
    runFile,
    onDeath: (how, pauseMs) => deaths.push({ how, pauseMs }),
  };
}

const lives = async () => (await readFile(join(folder, 'lives'), 'utf8').catch(() => '')).trim().split('\n');
const never = new AbortController().signal;

it('is ready when it says so, logs to its file, and is asked to end', async () => {
  const service = await SupervisedService.launch(await startOf(ANSWERS));
  expect(await service.ready(20_000, never)).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(await readFile(join(folder, 'service.log'), 'utf8')).toContain('hello from');
  await service.stop();
  expect((await lives()).at(-1)).toBe('asked to end');
  expect(deaths).toEqual([]);
});

it('is started again when it is killed, each time after a longer pause', async () => {
  const service = await SupervisedService.launch(await startOf(ANSWERS));
  await service.ready(20_000, never);
  for (const life of [1, 2]) {
    process.kill(Number((await lives()).at(-1)), 'SIGKILL');
    await expect.poll(async () => (await lives()).length, { timeout: 20_000 }).toBe(life + 1);
  }
  await service.ready(20_000, never);
  await service.stop();
  expect(deaths).toEqual([
    { how: 'SIGKILL', pauseMs: 500 },
    { how: 'SIGKILL', pauseMs: 1000 },
  ]);
});

it('fails to start with the end of its log when it dies again and again', async () => {
  const service = await SupervisedService.launch(await startOf(`console.error('no such table'); process.exit(3);`));
  await expect(service.ready(30_000, never)).rejects.toMatchObject({
    code: 'SERVER_START_FAILED',
    params: { server: 'scheduler' },
    detail: expect.stringContaining('no such table'),
  });
  await service.stop();
  expect(deaths[0]).toEqual({ how: 'exit 3', pauseMs: 500 });
});

it('ends when the process that started it is killed', async () => {
  const start = await startOf(ANSWERS);
  const built = fileURLToPath(new URL('../../dist/up/supervised-service.js', import.meta.url));
  const program = `import { SupervisedService } from '${built}';
    const service = await SupervisedService.launch({ ...${JSON.stringify(start)}, onDeath: () => {} });
    await service.ready(20000, new AbortController().signal);
    process.stdout.write('ready');`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(parent.stdout, 'data');
  parent.kill('SIGKILL');
  await expect.poll(async () => (await lives()).at(-1), { timeout: 20_000 }).toBe('asked to end');
});
