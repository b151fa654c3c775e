import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { chmod, link, mkdir, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { HozenError } from '@hozen/contracts';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ArtefactFile } from '../../artefact/artefact-file.js';
import { BackupSeries, type MadeBackup } from '../../backup-series.fixture.js';
import { backUp, quietContext } from '../../backup.fixture.js';
import { newIdentity } from '../../encryption/age.fixture.js';
import type { BackupJob } from '../../job.js';
import { checkArtefact } from '../../verification/check-artefact.js';
import { proveFiles } from '../../verification/prove-files.js';
import { removeTree } from '../../storage/file/remove-tree.js';
import { LISTING, readListing, type ListedEntry } from './listing.js';
import {
  aSocket,
  at,
  described,
  filesJob,
  hasAttributes,
  restoredByHand,
  isRoot,
  makeTree,
  NOT_UTF8,
  ODD_NAMES,
  replace,
  rewritten,
} from './tree.fixture.js';

const run = promisify(execFile);

let folder: TempDir;
let root: string;
beforeEach(async () => {
  folder = await tempDir();
  root = folder.join('tree');
  await mkdir(root, { mode: 0o751 });
});
afterEach(async () => {
  await removeTree(folder.path);
  await folder[Symbol.asyncDispose]();
});

function series(target: object = {}, change: (job: BackupJob) => void = () => undefined): BackupSeries {
  return new BackupSeries((into, jobChange) => filesJob(root, into, jobChange, target), folder.path, change);
}

async function listed({ artefact }: MadeBackup): Promise<ListedEntry[]> {
  await using file = await ArtefactFile.open(artefact);
  const entries: ListedEntry[] = [];
  for await (const entry of readListing(file, artefact.manifest.files?.listing.sha256 ?? '')) entries.push(entry);
  return entries;
}

/** What the archive of one backup holds, but folders and links. */
async function storedIn({ artefact }: MadeBackup): Promise<string[]> {
  const script = `tar -xOf "$1" --wildcards 'tree.tar*' | tar -tv`;
  const { stdout } = await run('sh', ['-c', script, 'sh', artefact.path], { env: { ...process.env, LC_ALL: 'C' } });
  return stdout
    .split('\n')
    .filter((line) => /^[-hpcb]/.test(line))
    .map((line) => line.replace(/^.*?\d\d:\d\d /, ''));
}

async function prove({ job, artefact }: MadeBackup): Promise<void> {
  await checkArtefact(job, artefact, quietContext());
  const { paths } = artefact.manifest.files ?? {};
  expect(await proveFiles(job, artefact, quietContext())).toMatchObject({ level: 'restore', files: paths });
  expect(await readdir(job.spoolDir)).toEqual([]);
}

describe('a backup of a tree of files', () => {
  it('holds files of every kind, is proven, and comes back by its own script as it was', async () => {
    await makeTree(root);
    const made = await series().make('full');
    await prove(made);
    const { files, warnings } = made.artefact.manifest;
    expect(warnings).toEqual([]);
    expect(files).toMatchObject({
      folders: 7,
      links: 4,
      others: isRoot ? 3 : 1,
      deleted: 0,
      skipped: { unreadable: 0 },
    });
    expect(await described(await restoredByHand([made], folder.path))).toBe(await described(root));
  });

  it('lists each path with its facts, whatever bytes its name has', async () => {
    await makeTree(root);
    const entries = new Map((await listed(await series().make('full'))).map((entry) => [entry.path, entry]));
    for (const name of [...ODD_NAMES, NOT_UTF8]) {
      const content = `named ${name.toString('hex')}`;
      expect(entries.get(`./${name.toString('latin1')}`)).toMatchObject({
        type: 'file',
        size: content.length,
        sha256: createHash('sha256').update(content).digest('hex'),
      });
    }
    const zeros = createHash('sha256').update(Buffer.alloc(5_000_000)).digest('hex');
    expect(entries.get('./only a hole')).toMatchObject({ size: 5_000_000, sha256: zeros });
    expect(entries.get('./another name')?.group).toBe(entries.get('./folder/plain')?.group);
    expect(entries.get('./link again')).toMatchObject({ type: 'link', target: 'folder/plain' });
    expect([...entries.keys()]).toEqual([...entries.keys()].toSorted((one, other) => (one < other ? -1 : 1)));
  });

  it('leaves sockets, what is excluded, and its own storage out', async () => {
    await mkdir(join(root, 'cache/.hidden'), { recursive: true });
    await writeFile(join(root, 'cache/.hidden/x'), '');
    await mkdir(join(root, 'kept'));
    await writeFile(join(root, 'kept/a.tmp'), '');
    await writeFile(join(root, 'kept/a.txt'), '');
    const server = await aSocket(join(root, 'socket'));
    const within = (job: BackupJob) => (job.config.storage = { kind: 'file', path: join(root, 'backups') });
    const backups = series({ exclude: ['cache/**', '**/*.tmp'] }, within);
    await backups.make('full');
    const made = await backups.make('full');
    server.close();
    expect((await listed(made)).map(({ path }) => path)).toEqual(['.', './cache', './kept', './kept/a.txt']);
    expect(made.artefact.manifest.files?.skipped).toMatchObject({ sockets: 1, excluded: 2 });
    expect(made.artefact.manifest.warnings).toEqual([expect.stringContaining('"backups"')]);
    await prove(made);
  });

  it('fails at once where the folder is not there, is none, or may not be read', async () => {
    await expect(backUp(filesJob(join(root, 'gone'), folder.path))).rejects.toMatchObject({
      code: 'TARGET_FOLDER_MISSING',
    });
    await writeFile(join(root, 'file'), '');
    await expect(backUp(filesJob(join(root, 'file'), folder.path))).rejects.toMatchObject({
      code: 'TARGET_FOLDER_MISSING',
    });
  });

  it('goes on without a file that vanishes after it was found, and counts it', async () => {
    await writeFile(join(root, 'stays'), 'stays');
    await mkdir(join(root, 'goes'));
    await writeFile(join(root, 'goes/with its folder'), 'gone');
    const made = await series().make('full', {
      progress: ({ phase, item }) => {
        if (phase === 'checking' && item?.endsWith(': 4')) rmSync(join(root, 'goes'), { recursive: true });
      },
    });
    expect((await listed(made)).map(({ path }) => path)).toEqual(['.', './stays']);
    expect(made.artefact.manifest.files?.skipped).toMatchObject({ vanished: 2, unreadable: 0 });
    expect(made.artefact.manifest.warnings).toEqual([expect.stringContaining('"goes/with its folder"')]);
    await prove(made);
  });

  it('names a file that is changed while it is read', async () => {
    await writeFile(join(root, 'busy'), Buffer.alloc(40_000_000, 'x'));
    let touched: Promise<void> | undefined;
    const made = await series().make('full', {
      progress: ({ phase }) => {
        if (phase === 'dumping') touched ??= writeFile(join(root, 'busy'), 'y', { flag: 'a' });
      },
    });
    await touched;
    expect(made.artefact.manifest.files?.skipped.changed).toBe(1);
    expect(made.artefact.manifest.warnings).toEqual([expect.stringContaining('"busy"')]);
    await prove(made);
  });

  it.skipIf(isRoot)('goes on without a file that it may not read, and counts it (skipped as root)', async () => {
    await writeFile(join(root, 'secret'), 'secret', { mode: 0 });
    await mkdir(join(root, 'closed'), { mode: 0 });
    const made = await series().make('full');
    await chmod(join(root, 'closed'), 0o700);
    expect(made.artefact.manifest.files?.skipped).toMatchObject({ unreadable: 2 });
    await prove(made);
  });

  it('goes on without a folder that nobody can name any more, and counts it', async () => {
    const deeper = 'for (1 .. 17) { mkdir "n" x 255 and chdir "n" x 255 or die }';
    await run('perl', ['-e', deeper], { cwd: root });
    const making = series().make('full');
    await making.catch(() => undefined);
    await run('rm', ['-rf', root]);
    const { manifest } = (await making).artefact;
    expect(manifest.files?.skipped).toMatchObject({ unreadable: 1 });
    expect(manifest.warnings).toEqual([
      expect.stringContaining('could not be read, and are not in the backup (1): "nnn'),
    ]);
  });

  it('leaves nothing when it is cancelled in the middle', async () => {
    await writeFile(join(root, 'large'), Buffer.alloc(60_000_000, 'x'));
    const controller = new AbortController();
    const cancelled = series().make('full', {
      signal: controller.signal,
      progress: ({ phase }) => {
        if (phase === 'dumping') controller.abort(new HozenError('CANCELLED'));
      },
    });
    await expect(cancelled).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(await readdir(folder.join('storage/manual'))).toEqual([]);
    expect(await readdir(folder.path)).not.toContain('spool');
  });
});

describe.skipIf(!hasAttributes)(
  'attributes of files (skipped where there are no setfacl and setfattr: acl, attr)',
  () => {
    const KINDS = [
      { kind: 'acl', what: 'access control list' },
      { kind: 'user', what: 'extended attributes' },
      { kind: 'trusted', what: 'extended attributes' },
    ];
    it.each(KINDS.filter(({ kind }) => isRoot || kind !== 'trusted'))(
      'are compared by the proof: $kind',
      async ({ kind, what }) => {
        await makeTree(root);
        const made = await series().make('full');
        await prove(made);
        const other = await rewritten(made.artefact, LISTING, (content) =>
          Buffer.from(
            content.toString('latin1').replace(new RegExp(`"${kind}":"[0-9a-f]{64}"`), `"${kind}":"${'0'.repeat(64)}"`),
            'latin1',
          ),
        );
        await expect(proveFiles(made.job, other, quietContext())).rejects.toMatchObject({
          code: 'CONTENT_DIFFERS',
          message: expect.stringContaining(what) as string,
        });
      },
    );

    it('come back when nothing but they has changed', async () => {
      await writeFile(join(root, 'x'), 'x');
      const backups = series();
      const full = await backups.make('full');
      await run('setfacl', ['-m', 'u:1234:rw', join(root, 'x')]);
      await run('setfattr', ['-n', 'user.kind', '-v', 'new', join(root, 'x')]);
      const made = await backups.make('incremental');
      expect(await storedIn(made)).toEqual(['./x']);
      const restored = join(await restoredByHand([full, made], folder.path), 'x');
      expect((await run('getfacl', ['-n', '-p', restored])).stdout).toContain('user:1234:rw-');
      expect((await run('getfattr', ['-n', 'user.kind', '--only-values', restored])).stdout).toBe('new');
    });
  },
);

describe('an increment of a tree', () => {
  it('holds what is new or changed, and with what it builds on it is the tree as it is now', async () => {
    await makeTree(root);
    const backups = series();
    const full = await backups.make('full');
    await writeFile(join(root, 'folder/new'), 'new');
    await writeFile(join(root, 'folder/deep/changed later'), 'v1');
    await rm(at(root, NOT_UTF8));
    await rename(join(root, 'folder/deep/deeper'), join(root, 'moved'));
    await replace(join(root, 'empty'), (path) => writeFile(path, 'a file now'));
    await replace(join(root, '-rf'), (path) => mkdir(join(path, 'in it'), { recursive: true }));
    await replace(join(root, 'link'), (path) => mkdir(path));
    await replace(join(root, 'folder/nothing'), (path) => symlink('new', path));
    await writeFile(join(root, 'another name'), 'changed through one of its names');
    const first = await backups.make('incremental');
    expect(first.artefact.manifest).toMatchObject({
      level: 'incremental',
      files: { parent: { runId: full.job.runId } },
    });
    expect(await storedIn(first)).toEqual([
      './another name',
      './empty',
      './folder/deep/changed later',
      './folder/new',
      './folder/plain link to ./another name',
      './moved/large',
    ]);
    await prove(first);

    await writeFile(join(root, 'folder/deep/changed later'), 'v2');
    await link(join(root, 'folder/new'), join(root, 'zz another name of it'));
    await rm(join(root, 'another name'));
    await rm(join(root, '-rf'), { recursive: true });
    const second = await backups.make('incremental');
    expect(await storedIn(second)).toEqual([
      './folder/deep/changed later',
      './folder/new',
      './folder/plain',
      './zz another name of it link to ./folder/new',
    ]);
    await prove(second);
    expect(await described(await restoredByHand([full, first, second], folder.path))).toBe(await described(root));
    await expect(restoredByHand([full, second], folder.path, 'one is missing')).rejects.toThrow(/builds on backup/);
    await expect(restoredByHand([full], folder.path, 'by hand')).rejects.toThrow(/is not empty/);
  });

  it('has no path that was changed and then vanished, although what it builds on has it', async () => {
    await mkdir(join(root, 'goes'));
    await writeFile(join(root, 'goes/unchanged'), 'v1');
    await writeFile(join(root, 'goes/changed'), 'v1');
    const backups = series();
    const full = await backups.make('full');
    await writeFile(join(root, 'goes/changed'), 'v2');
    const made = await backups.make('incremental', {
      progress: ({ phase, item }) => {
        if (phase === 'checking' && item?.endsWith(': 4')) rmSync(join(root, 'goes'), { recursive: true });
      },
    });
    expect((await listed(made)).map(({ path }) => path)).toEqual(['.']);
    expect(made.artefact.manifest.files).toMatchObject({ deleted: 3, skipped: { vanished: 3 } });
    await prove(made);
    expect(await readdir(await restoredByHand([full, made], folder.path))).toEqual([]);
  });

  it('holds all names of a file, where one of them is not left out any more', async () => {
    await writeFile(join(root, 'x'), 'x');
    await link(join(root, 'x'), join(root, 'z'));
    const target = { exclude: ['z'] };
    const backups = series(target);
    const full = await backups.make('full');
    target.exclude = [];
    const made = await backups.make('incremental');
    expect(await storedIn(made)).toEqual(['./x', './z link to ./x']);
    await prove(made);
    expect(await described(await restoredByHand([full, made], folder.path))).toBe(await described(root));
  });

  it('of what has not changed stores nothing but folders and links', async () => {
    await makeTree(root);
    const backups = series();
    const full = await backups.make('full');
    const made = await backups.make('incremental');
    expect(await storedIn(made)).toEqual(['./link again link to ./link']);
    expect(made.artefact.manifest.files).toMatchObject({ deleted: 0, stored: { bytes: 0 } });
    expect((await listed(made)).map(({ sha256 }) => sha256)).toEqual((await listed(full)).map(({ sha256 }) => sha256));
    await prove(made);
  });

  it('is a full backup where there is nothing to build on, and says why', async () => {
    await writeFile(join(root, 'x'), 'x');
    const backups = series({}, (job) => (job.config.maxChain = 2));
    const first = await backups.make('incremental');
    expect(first.artefact.manifest).toMatchObject({
      level: 'full',
      warnings: [expect.stringContaining('there is no earlier backup')],
    });
    expect((await backups.make('incremental')).artefact.manifest.level).toBe('incremental');
    expect((await backups.make('incremental')).artefact.manifest).toMatchObject({
      level: 'full',
      warnings: [expect.stringContaining('maxChain is 2')],
    });
  });

  it('builds on an encrypted backup where the config can read it', async () => {
    await writeFile(join(root, 'x'), 'x');
    const { recipient, secret } = newIdentity();
    await writeFile(folder.join('identity'), secret, { mode: 0o600 });
    const encryption = { recipients: [recipient], identity: `file:${folder.join('identity')}` };
    const backups = series({}, (job) => (job.config.encryption = encryption));
    await backups.make('full');
    await writeFile(join(root, 'y'), 'y');
    const made = await backups.make('incremental');
    expect(made.artefact.manifest).toMatchObject({
      level: 'incremental',
      files: { stored: { bytes: 1 } },
      warnings: [],
    });
    await prove(made);
  });

  it('is a full backup where the listing before it is encrypted and cannot be read', async () => {
    await writeFile(join(root, 'x'), 'x');
    const recipients = [newIdentity().recipient];
    const backups = series({}, (job) => (job.config.encryption = { recipients }));
    await backups.make('full');
    expect((await backups.make('incremental')).artefact.manifest).toMatchObject({
      level: 'full',
      warnings: [expect.stringContaining('names no identity')],
    });
  });
});
