import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { RunView } from '@hozen/contracts';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Stack } from '../src/stack.js';

const run = promisify(execFile);

describe('configuration files', { timeout: 180_000 }, () => {
  let folder: TempDir;
  let restored: TempDir;
  let stack: Stack;

  beforeAll(async () => {
    [folder, restored] = await Promise.all([tempDir(), tempDir()]);
    await mkdir(folder.join('etc'));
    await writeFile(folder.join('etc', 'my.cnf'), '[client]\npassword=geheim\n');
    stack = await Stack.start(['notifier'], { HOZEN_RESTORE_FOLDERS: restored.path });
  }, 120_000);
  afterAll(async () => {
    for (const each of [stack, restored, folder]) await each?.[Symbol.asyncDispose]();
  });

  async function backedUp(request: Promise<string>): Promise<RunView> {
    const ended = await stack.runEnded(await request, 120_000);
    expect(ended.error).toBeUndefined();
    expect(ended.state).toBe('completed');
    return ended;
  }

  it('are committed once over the death of a worker, not again without a change, told of, and restored beside', async () => {
    const dying = await stack.startService('backup-worker', {
      HOZEN_FAILPOINTS: `git.pushed=kill@${stack.home.join('marker')}`,
    });
    const repository = folder.join('settings.git');
    await stack.configureBackups({
      targets: [{ name: 'settings', kind: 'configuration', paths: [folder.join('etc')] }],
      configs: [
        {
          name: 'settings',
          target: 'settings',
          method: 'git-config',
          repository: { url: repository },
          storage: { kind: 'file', path: stack.home.join('storage') },
        },
      ],
    });
    const request = await stack.request('backup.requested', { config: 'settings' });
    await dying.exit();
    await stack.startService('backup-worker');
    const first = await backedUp(Promise.resolve(request));
    const { stdout: log } = await run('git', [
      '-C',
      repository,
      'log',
      '--format=%H %(trailers:key=Hozen-Run,valueonly)',
      'main',
    ]);
    const id = log.slice(0, 40);
    expect(log.trim()).toBe(`${id} ${first.id}`);
    expect(first.artefact?.proof).toMatchObject({ level: 'restore', commit: { id, changed: true } });
    await stack.mail.waitFor(({ text }) => text.includes(first.id) && text.includes(`commit ${id} has the changes`));

    const second = await backedUp(stack.request('backup.requested', { config: 'settings' }));
    expect(second.artefact?.proof).toMatchObject({ commit: { id, changed: false } });
    await stack.mail.waitFor(({ text }) => text.includes(`nothing has changed since commit ${id}`));

    const body = { config: 'settings', directory: restored.join('settings') };
    const restore = await stack.restoreEnded(await stack.request('restore.requested', body), 120_000);
    expect(restore).toMatchObject({ state: 'completed', directory: body.directory });
    const back = await readFile(join(body.directory, folder.path, 'etc', 'my.cnf'), 'utf8');
    expect(back).toBe('[client]\npassword=HOZEN-MASKED-SECRET\n');
  });
});
