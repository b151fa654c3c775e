import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { eventually, processesMatching, tempDir } from '@hozen/testkit';
import { expect, it } from 'vitest';
import { whyUnconfined } from './sandbox.js';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

/** A Node process of its own that runs `script` with this library, and prints a line when it is where the test wants it. */
const PARENT = (script: string) => `
  import { defaultServerConditions, runnerImport } from 'vite';
  const conditions = ['@hozen/source', ...defaultServerConditions];
  const { module } = await runnerImport('./src/index.ts', { configFile: false, ssr: { resolve: { conditions } } });
  const { PrivatePostgres, runTool } = module;
  ${script}
  console.log('there');
  setInterval(() => {}, 1000);`;

async function killed(script: string, whileItRuns: () => Promise<void>): Promise<void> {
  const args = ['--input-type=module', '--eval', PARENT(script)];
  const parent = spawn(process.execPath, args, { cwd: PROJECT, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(createInterface(parent.stdout), 'line');
    await whileItRuns();
  } finally {
    parent.kill('SIGKILL');
    await once(parent, 'exit');
  }
}

it('a tool dies with a parent that is killed, though it ignores everything else', async () => {
  await using folder = await tempDir();
  const file = folder.join('file');
  await writeFile(file, '');
  const script = `runTool({ path: '/bin/sh', args: ['-c', 'trap "" TERM HUP INT PIPE; exec tail -f ${file}'] });`;
  const ours = async () => (await processesMatching(file)).filter(({ command }) => command.startsWith('tail'));
  await killed(script, () => eventually(async () => expect(await ours()).toHaveLength(1)));
  await eventually(async () => expect(await ours()).toEqual([]));
});

it.skipIf((await whyUnconfined()) !== undefined)(
  'a program and a server in sandboxes die with a parent that is killed, and so does all that they started',
  async () => {
    await using folder = await tempDir();
    const [file, dataDir] = [folder.join('file'), folder.join('data')];
    await writeFile(file, '');
    const script = `
      await PrivatePostgres.start({ dataDir: ${JSON.stringify(dataDir)}, keep: true, sandbox: {} });
      runTool({ path: '/bin/sh', args: ['-c', 'trap "" TERM HUP INT PIPE; tail -f ${file} & wait'], sandbox: { reads: ['${file}'] } });`;
    const ours = async () => [...(await processesMatching(file)), ...(await processesMatching(dataDir))];
    const isTail = ({ command }: { command: string }) => command.startsWith('tail');
    await killed(script, () => eventually(async () => expect((await ours()).some(isTail)).toBe(true)));
    await eventually(async () => expect(await ours()).toEqual([]));
  },
);

it('a private server ends with a parent that is killed, and its successor takes up the data', async () => {
  await using folder = await tempDir();
  const dataDir = folder.join('data');
  const script = `await PrivatePostgres.start({ dataDir: ${JSON.stringify(dataDir)}, keep: true });`;
  const ours = async () => (await processesMatching(dataDir)).filter(({ command }) => command.includes('bin/postgres'));
  for (const _ of ['first', 'second']) {
    await killed(script, async () => expect(await ours()).toHaveLength(1));
  }
  await eventually(async () => expect(await ours()).toEqual([]));
});
