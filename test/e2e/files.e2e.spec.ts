import { link, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RestorePlanView, RunView } from '@hozen/contracts';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Stack } from '../src/stack.js';

describe('a folder with files', { timeout: 180_000 }, () => {
  let folder: TempDir;
  let restored: TempDir;
  let root: string;
  let stack: Stack;

  beforeAll(async () => {
    [folder, restored] = await Promise.all([tempDir(), tempDir()]);
    root = folder.join('documents');
    await mkdir(join(root, 'contracts/2026'), { recursive: true });
    await writeFile(join(root, 'contracts/2026/契約 1.txt'), 'first');
    await writeFile(join(root, 'large'), Buffer.alloc(3_000_000, 'x'));
    await link(join(root, 'large'), join(root, 'large too'));
    await symlink('contracts/2026', join(root, 'now'));
    stack = await Stack.start(['notifier'], { HOZEN_RESTORE_FOLDERS: restored.path });
  }, 120_000);
  afterAll(async () => {
    for (const each of [stack, restored, folder]) await each?.[Symbol.asyncDispose]();
  });

  async function backedUp(level: string): Promise<RunView> {
    const run = await stack.runEnded(await stack.request('backup.requested', { config: 'hourly', level }), 120_000);
    expect(run.error).toBeUndefined();
    expect(run).toMatchObject({ state: 'completed', level });
    return run;
  }

  it('is backed up over the death of a worker, then in an increment, proven, told of, and restored beside', async () => {
    const dying = await stack.startService('backup-worker', {
      HOZEN_FAILPOINTS: `commit.after-data=kill@${stack.home.join('marker')}`,
    });
    await stack.configureBackups({
      targets: [{ name: 'documents', kind: 'files', path: root, exclude: ['**/*.tmp'] }],
      configs: [
        {
          name: 'hourly',
          target: 'documents',
          method: 'files',
          level: 'incremental',
          storage: { kind: 'file', path: stack.home.join('storage') },
        },
      ],
    });
    const request = await stack.request('backup.requested', { config: 'hourly' });
    await dying.exit();
    await stack.startService('backup-worker');
    const full = await stack.runEnded(request, 120_000);
    expect(full).toMatchObject({
      state: 'completed',
      level: 'full',
      artefact: { proof: { level: 'restore', files: 7 } },
    });
    expect(full.attempts.map(({ status }) => status)).toEqual(['failure', 'success']);
    await stack.mail.waitFor(({ text }) => text.includes(full.id) && text.includes('7 paths'));

    await writeFile(join(root, 'contracts/2026/契約 2.txt'), 'second');
    await rename(join(root, 'contracts/2026'), join(root, 'contracts/2027'));
    await rm(join(root, 'now'));
    const increment = await backedUp('incremental');
    const manifest: unknown = JSON.parse(await readFile(`${increment.artefact?.path}.manifest.json`, 'utf8'));
    expect(manifest).toMatchObject({
      format: 'hozen-files',
      files: { paths: 7, stored: { bytes: 11 }, deleted: 3, parent: { runId: full.id } },
    });

    const body = { config: 'hourly', directory: restored.join('documents') };
    const plan = await stack.post<RestorePlanView>('backup-worker', '/restores/plan', body);
    expect(plan).toMatchObject({ obstacles: [], chain: [{ level: 'full' }, { level: 'incremental' }] });
    const restore = await stack.restoreEnded(await stack.request('restore.requested', body), 120_000);
    expect(restore).toMatchObject({ state: 'completed', directory: body.directory });
    const names = (top: string) => readdir(top, { recursive: true }).then((found) => found.toSorted());
    expect(await names(body.directory)).toEqual(await names(root));
    expect(await readFile(join(body.directory, 'contracts/2027/契約 2.txt'), 'utf8')).toBe('second');
  });
});
