import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BackupSeries, type MadeBackup } from '../../backup-series.fixture.js';
import { quietContext } from '../../backup.fixture.js';
import { restoreTree } from '../../restore/files/restore-tree.js';
import type { CommittedArtefact } from '../../storage/committed-artefact.js';
import { proveFiles } from '../../verification/prove-files.js';
import { DELETED, TREE } from './copy-tree.js';
import { LISTING } from './listing.js';
import { filesJob, restoredByHand, rewritten } from './tree.fixture.js';

const run = promisify(execFile);

let folder: TempDir;
let root: string;
beforeEach(async () => {
  folder = await tempDir();
  root = folder.join('tree');
  await mkdir(root);
});
afterEach(() => folder[Symbol.asyncDispose]());

function series(): BackupSeries {
  return new BackupSeries((into, change) => filesJob(root, into, change), folder.path);
}

describe('the proof of a tree', () => {
  it('finds a digest that differs, and leaves nothing', async () => {
    await writeFile(join(root, 'x'), 'x');
    const { job, artefact } = await series().make('full');
    const other = createHash('sha256').update('y').digest('hex');
    const lying = await rewritten(artefact, LISTING, (content) =>
      Buffer.from(content.toString('utf8').replace(/"sha256":"\w+"/, `"sha256":"${other}"`)),
    );
    await expect(proveFiles(job, lying, quietContext())).rejects.toMatchObject({
      code: 'CONTENT_DIFFERS',
      message: expect.stringContaining('"x": its content differs') as string,
    });
    expect(await readdir(job.spoolDir)).toEqual([]);
  });
});

describe('a backup that somebody else made', () => {
  async function aChain(change: (increment: MadeBackup) => Promise<CommittedArtefact>): Promise<CommittedArtefact[]> {
    await mkdir(folder.join('victim'));
    await writeFile(folder.join('victim/file'), 'mine');
    await symlink(folder.join('victim'), join(root, 'out'));
    await mkdir(join(root, 'd'));
    await writeFile(join(root, 'x'), 'x');
    const backups = series();
    const full = await backups.make('full');
    await writeFile(join(root, 'x'), 'y');
    return [full.artefact, await change(await backups.make('incremental'))];
  }

  async function untouched(): Promise<void> {
    expect(await readdir(folder.join('victim'))).toEqual(['file']);
    expect(await readFile(folder.join('victim/file'), 'utf8')).toBe('mine');
  }

  const restoring = (chain: readonly CommittedArtefact[]) =>
    restoreTree({
      chain,
      directory: folder.join('restored'),
      signal: new AbortController().signal,
      progress: () => undefined,
    });

  it.each(['./../victim/file', './d/../../victim', '/', '.', './out/file'])(
    'removes nothing elsewhere: %s',
    async (path) => {
      const chain = await aChain(({ artefact }) => rewritten(artefact, DELETED, () => Buffer.from(`${path}\0`)));
      await restoredByHand(
        chain.map((artefact) => ({ artefact })),
        folder.path,
      ).catch((error: unknown) => error);
      await restoring(chain).catch((error: unknown) => expect(error).toMatchObject({ code: 'ARTEFACT_CORRUPT' }));
      await untouched();
    },
  );

  it.each([
    ['through a link of the backup before', './out/late', []],
    ['by a path with ..', './x', ['--absolute-names', '--transform=s,^./x,./../victim/late,']],
    ['by an absolute path', './x', ['--absolute-names', '--transform=s,^./x,VICTIM/late,']],
  ])('writes nothing elsewhere, %s', async (_, path, options) => {
    const made = folder.join('made');
    await mkdir(join(made, 'out'), { recursive: true });
    await writeFile(join(made, path), 'late');
    const asked = options.map((option) => option.replace('VICTIM', folder.join('victim')));
    const tar = await run('tar', ['-C', made, '-cf', '-', ...asked, path], { encoding: 'buffer' });
    const chain = await aChain(({ artefact }) => rewritten(artefact, TREE, () => tar.stdout));
    await restoredByHand(
      chain.map((artefact) => ({ artefact })),
      folder.path,
    ).catch((error: unknown) => error);
    await restoring(chain).catch((error: unknown) => expect(error).toMatchObject({ code: 'ARTEFACT_CORRUPT' }));
    await untouched();
  });
});
