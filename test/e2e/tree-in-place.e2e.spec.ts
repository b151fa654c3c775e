import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TokenFile } from '@hozen/access';
import type { RestoreView } from '@hozen/contracts';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Stack } from '../src/stack.js';

let folder: TempDir;
let tokens: TempDir;
let stack: Stack;
let root: string;
let backup: string;
const tokenOf: Record<string, string> = {};

beforeAll(async () => {
  [folder, tokens] = await Promise.all([tempDir(), tempDir()]);
  root = folder.join('documents');
  await made('backed up');
  const file = tokens.join('tokens.json');
  stack = await Stack.start(['notifier', 'backup-worker'], {
    HOZEN_RESTORE_FOLDERS: folder.path,
    HOZEN_TOKENS_FILE: file,
  });
  for (const name of ['alice', 'bob']) tokenOf[name] = await new TokenFile(file).create(name, 'dba');
  stack.token = tokenOf['alice'];
  await stack.configureBackups({
    targets: [{ name: 'documents', kind: 'files', path: root }],
    configs: [
      {
        name: 'nightly',
        target: 'documents',
        method: 'files',
        storage: { kind: 'file', path: stack.home.join('storage') },
      },
    ],
  });
  const run = await stack.runEnded(await stack.request('backup.requested', { config: 'nightly' }), 120_000);
  backup = run.id;
}, 180_000);
afterAll(async () => {
  for (const each of [stack, tokens, folder]) await each?.[Symbol.asyncDispose]();
});
beforeEach(async () => {
  for (const name of await readdir(folder.path)) await rm(folder.join(name), { recursive: true });
  await made('changed since');
});

async function made(content: string): Promise<void> {
  await mkdir(join(root, 'below'), { recursive: true });
  for (const name of ['one', 'below/other']) await writeFile(join(root, name), content);
}

async function approved(): Promise<RestoreView> {
  stack.token = tokenOf['alice'];
  const body = { run: backup, directory: root, inPlace: true };
  const { id, planHash } = await stack.post<RestoreView>('backup-worker', '/restores', body);
  stack.token = tokenOf['bob'];
  return stack.post<RestoreView>('backup-worker', `/restores/${id}/approve`, { planHash });
}

/** Of one tree, whichever it is. */
async function content(): Promise<string> {
  const [one, other] = await Promise.all(['one', 'below/other'].map((name) => readFile(join(root, name), 'utf8')));
  expect(one).toBe(other);
  return one ?? '';
}

describe('a restore of a tree in place', () => {
  it.each([
    ['restore.beside', 'changed since'],
    ['restore.before-swap', 'changed since'],
    ['restore.swapped', 'backed up'],
    ['restore.kept', 'backed up'],
  ])(
    'whose worker is killed at %s leaves the old tree or the new one, and ends with the new one',
    async (place, left) => {
      const dying = await stack.workerDyingAt(place);
      const restore = await approved();
      await dying.exit();
      expect(await content()).toBe(left);
      await stack.startService('backup-worker');
      const ended = await stack.restoreEnded(restore.id, 120_000);
      expect(ended).toMatchObject({ state: 'completed', attempt: 2, inPlace: true });
      expect(await content()).toBe('backed up');
      const kept = `documents.before-${restore.id.slice(0, 8)}`;
      expect((await readdir(folder.path)).toSorted()).toEqual(['documents', kept]);
      expect(await readFile(join(folder.path, kept, 'one'), 'utf8')).toBe('changed since');
    },
  );
}, 180_000);
