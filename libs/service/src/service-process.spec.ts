import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { eventually, ServiceDatabases, tempDir, TestNats, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { runFilePath, type RunFile } from './run-file.js';

let postgres: TestPostgres;
let nats: TestNats;
let home: TempDir;
let child: ChildProcess | undefined;

beforeAll(async () => {
  [postgres, nats] = await Promise.all([TestPostgres.start(), TestNats.start()]);
});
beforeEach(async () => {
  home = await tempDir();
});
afterEach(async () => {
  child?.kill('SIGKILL');
  await home[Symbol.asyncDispose]();
});
afterAll(() => Promise.all([postgres, nats].map((each) => each[Symbol.asyncDispose]())));

const built = (file: string) => fileURLToPath(new URL(`../${file}`, import.meta.url));

/** A service in a process of its own, as `node` runs it: built, with telemetry loaded first. */
async function startProcess(more = ''): Promise<{ process: ChildProcess; runFile: RunFile }> {
  const program = home.join('service.mjs');
  const { urls } = await ServiceDatabases.provision(postgres);
  await writeFile(
    program,
    `import { startService } from '${built('dist/index.js')}';
     import { SHARED_TABLES } from '${built('../persistence/dist/index.js')}';
     import { Module } from '${built('../../node_modules/@nestjs/common/index.js')}';
     class Empty {}
     Module({})(Empty);
     const service = await startService(
       { service: 'scheduler', name: 'scheduler', module: Empty, entities: [], migrations: [...SHARED_TABLES] });
     ${more}`,
  );
  const env = {
    PATH: process.env['PATH'],
    HOZEN_HOME: home.path,
    HOZEN_DATABASE_URL: urls.scheduler,
    HOZEN_NATS_URL: nats.url,
    HOZEN_LOG_LEVEL: 'fatal',
  };
  child = spawn(process.execPath, ['--import', built('../telemetry/dist/register.js'), program], { env });
  const runFile = await eventually(async () => {
    if (child?.exitCode !== null) throw new Error('it ended');
    return JSON.parse(await readFile(runFilePath(home.path, 'scheduler'), 'utf8')) as RunFile;
  });
  return { process: child, runFile };
}

it('ends with 0 on SIGTERM, in order, and is not found any more', async () => {
  const { process: service, runFile } = await startProcess();
  expect(runFile.pid).toBe(service.pid);
  await eventually(async () => expect((await fetch(`${runFile.url}/health/ready`)).status).toBe(200));
  service.kill('SIGTERM');
  expect(await once(service, 'exit')).toEqual([0, null]);
  await expect(readFile(runFilePath(home.path, 'scheduler'))).rejects.toThrow('ENOENT');
});

it('ends with 1 when a promise fails and nobody looks after it, and says so', async () => {
  const { process: service } = await startProcess(`setTimeout(() => Promise.reject(new Error('forgotten')), 200);`);
  let output = '';
  service.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  expect(await once(service, 'exit')).toEqual([1, null]);
  expect(output).toMatch(/forgotten.*a rejection that nobody handled/);
});
