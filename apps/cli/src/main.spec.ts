import { execFile, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const PROGRAM = new URL('../bin/hozen.mjs', import.meta.url).pathname;

it('fails where its output cannot be written', async () => {
  const full = openSync('/dev/full', 'w');
  const child = spawn(process.execPath, [PROGRAM, 'exit-codes'], { stdio: ['ignore', full, 'pipe'] });
  closeSync(full);
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  expect({ code, said }).toEqual({ code: 1, said: expect.stringContaining('ENOSPC') as string });
});

it('does not mind that nobody reads on', async () => {
  const shell = promisify(execFile)('bash', [
    '-c',
    '"$0" "$1" exit-codes | true; echo "${PIPESTATUS[0]}"',
    process.execPath,
    PROGRAM,
  ]);
  expect((await shell).stdout).toBe('0\n');
});
