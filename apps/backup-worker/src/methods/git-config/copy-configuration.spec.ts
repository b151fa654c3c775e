import { execFile, execFileSync } from 'node:child_process';
import { chmod, chown, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { HozenError } from '@hozen/contracts';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { backUp, quietContext } from '../../backup.fixture.js';
import { newIdentity } from '../../encryption/age.fixture.js';
import type { BackupJob } from '../../job.js';
import { removeTree } from '../../storage/file/remove-tree.js';
import type { CommittedArtefact } from '../../storage/committed-artefact.js';
import { checkArtefact } from '../../verification/check-artefact.js';
import { proveConfiguration } from '../../verification/prove-configuration.js';
import { NOT_UTF8, ODD_NAMES, restoredByHand, rewritten } from '../files/tree.fixture.js';
import { BUNDLE } from './bundle.js';
import { configurationJob, git, pushByHand, write } from './configuration.fixture.js';
import { MASKED } from './mask.js';

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;

let folder: TempDir;
let root: string;
let repository: string;
let clock: number;

beforeEach(async () => {
  folder = await tempDir();
  root = folder.path;
  repository = folder.join('settings.git');
  clock = Date.parse('2026-01-02T03:04:05Z');
  await write(root, {
    'etc/postgresql/postgresql.conf': "max_connections = 100\nprimary_conninfo = 'host=a password=geheim'\n",
    'etc/postgresql/pg_hba.conf': 'local all all peer\n',
    'etc/mysql/my.cnf': '[client]\npassword=geheim\n',
  });
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await removeTree(root);
  await folder[Symbol.asyncDispose]();
});

function jobOf(...[change, target, spec]: [Partial<BackupJob>?, object?, object?]): BackupJob {
  return configurationJob(root, { startedAt: new Date((clock += 60_000)), ...change }, target, spec);
}

async function made(job: BackupJob): Promise<CommittedArtefact> {
  const artefact = await backUp(job);
  expect(await readdir(job.spoolDir)).toEqual([]);
  return artefact;
}

async function prove(job: BackupJob, artefact: CommittedArtefact): Promise<void> {
  await checkArtefact(job, artefact, quietContext());
  const { paths } = artefact.manifest.files ?? {};
  expect(await proveConfiguration(job, artefact, quietContext())).toMatchObject({ level: 'restore', files: paths });
  expect(await readdir(job.spoolDir)).toEqual([]);
}

const commits = async () => Number(await git(repository, 'rev-list', '--count', 'main'));
const inside = (path: string) => `erp${join(root, 'etc')}/${path}`;

describe('a backup of configuration files', () => {
  it('is a commit of text without secrets, proven, and comes back by its own script and by git', async () => {
    const job = jobOf();
    const artefact = await made(job);
    await prove(job, artefact);
    expect(artefact.manifest).toMatchObject({
      format: 'hozen-files',
      warnings: [],
      git: { repository, branch: 'main', folder: 'erp', changed: true, masked: { places: 2, files: 2 }, leftOut: 0 },
    });
    expect(await git(repository, 'log', '--format=%H %an <%ae> %(trailers:key=Hozen-Run,valueonly)', 'main')).toBe(
      `${artefact.manifest.git?.commit} Hozen <hozen@localhost> ${job.runId}\n\n`,
    );
    expect(await git(repository, 'show', `main:${inside('postgresql/postgresql.conf')}`)).toBe(
      `max_connections = 100\nprimary_conninfo = 'host=a password=${MASKED}'\n`,
    );
    expect(await git(repository, 'fsck', '--full')).toBe('');
    const everything = await run('grep', ['-rlaF', 'geheim', repository, join(root, 'storage')]).catch(() => undefined);
    expect(everything).toBeUndefined();

    const restored = await restoredByHand([{ artefact }], root);
    expect(await readFile(join(restored, root, 'etc/mysql/my.cnf'), 'utf8')).toBe(`[client]\npassword=${MASKED}\n`);
    const script = `tar -xOf "$1" --wildcards 'repository.bundle*' > "$2/b" && git clone -q "$2/b" "$2/cloned"`;
    await run('sh', ['-euc', script, 'sh', artefact.path, root]);
    expect(await readFile(join(root, 'cloned', inside('postgresql/pg_hba.conf')), 'utf8')).toBe('local all all peer\n');
    await expect(run('diff', ['-r', join(root, 'cloned/erp'), restored])).resolves.toMatchObject({ stdout: '' });
  });

  it('makes no commit without a change, and is a whole backup for all that', async () => {
    const first = await made(jobOf());
    const job = jobOf();
    const second = await made(job);
    await prove(job, second);
    expect(second.manifest.git).toEqual({ ...first.manifest.git, changed: false });
    expect(await commits()).toBe(1);
    await write(root, { 'etc/mysql/my.cnf': '[client]\npassword=other\n' });
    expect((await made(jobOf())).manifest.git?.changed).toBe(false);
    await rm(join(root, 'etc/mysql'), { recursive: true });
    expect((await made(jobOf())).manifest.git?.changed).toBe(true);
    expect(await git(repository, 'ls-tree', '-r', '--name-only', 'main')).not.toContain('mysql');
    expect(await commits()).toBe(2);
  });

  it('keeps links, modes and owners, and names of any bytes', async () => {
    for (const name of [...ODD_NAMES, NOT_UTF8]) {
      await writeFile(Buffer.concat([Buffer.from(join(root, 'etc/')), name]), `named ${name.toString('hex')}\n`);
    }
    await symlink('/etc/alternatives/my.cnf', join(root, 'etc/link'));
    await writeFile(join(root, 'etc/hook'), '#!/bin/sh\n', { mode: 0o750 });
    await writeFile(join(root, 'etc/.gitattributes'), '* text eol=crlf\n*.conf export-ignore\n');
    if (isRoot) await chown(join(root, 'etc/hook'), 1, 33);
    await chmod(join(root, 'etc/hook'), 0o750);
    const job = jobOf();
    const artefact = await made(job);
    await prove(job, artefact);
    expect(artefact.manifest.warnings).toEqual([]);
    const tree = await git(repository, 'ls-tree', '-r', 'main', '--', inside('hook'), inside('link'));
    expect(tree).toMatch(/^100755 blob [^]*\n120000 blob /);
    const listing = await git(repository, 'show', 'main:erp/hozen-listing.jsonl');
    const hook = listing.split('\n').find((line) => line.includes('/etc/hook"')) ?? '';
    expect(JSON.parse(hook)).toMatchObject({ mode: '0750', ...(isRoot ? { owner: 'daemon', group: 'www-data' } : {}) });
    const restored = await restoredByHand([{ artefact }], root);
    expect((await stat(join(restored, root, 'etc/hook'))).mode & 0o7777).toBe(0o750);
    if (isRoot) expect(await stat(join(restored, root, 'etc/hook'))).toMatchObject({ uid: 1, gid: 33 });
  });

  it('leaves out what is no text, too large, no file, or a name of git, and says so', async () => {
    await write(root, { 'etc/binary': Buffer.from([1, 0, 2]), 'etc/large': 'x'.repeat(2_000), 'etc/.git/config': 'x' });
    await run('mkfifo', [join(root, 'etc/fifo')]);
    const job = jobOf({}, { maxFileKilobytes: 1, paths: [join(root, 'etc'), join(root, 'nowhere')] });
    const artefact = await made(job);
    await prove(job, artefact);
    expect(artefact.manifest.git?.leftOut).toBe(5);
    const text = artefact.manifest.warnings.join('\n');
    for (const name of ['etc/binary', 'etc/large', 'etc/fifo', 'etc/.git/config', 'nowhere'])
      expect(text).toContain(name);
    const listing = await git(repository, 'show', 'main:erp/hozen-listing.jsonl');
    expect(listing).toContain(`{"path":"${root}/etc/large","leftOut":"too large"}`);
  });

  it('takes the files that its paths and globs name, and nothing that is excluded', async () => {
    await write(root, {
      'etc/a/1.conf': '1\n',
      'etc/a/1.bak': '1\n',
      'etc/b/main/2.conf': '2\n',
      'etc/b/old/3.conf': '3\n',
    });
    const paths = [join(root, 'etc/*/*.conf'), join(root, 'etc/b'), join(root, 'etc/mysql/my.cnf')];
    await made(jobOf({}, { paths, exclude: ['**/old', '**/pg_hba.conf'] }));
    const names = (await git(repository, 'ls-tree', '-r', '--name-only', 'main')).split('\n');
    expect(names.slice(0, -1).map((name) => name.replace(/^.*\/etc\//, ''))).toEqual([
      'erp/hozen-listing.jsonl',
      'a/1.conf',
      'b/main/2.conf',
      'mysql/my.cnf',
      'postgresql/postgresql.conf',
    ]);
    const nothing = jobOf({}, { paths: [join(root, 'none'), '/nowhere/*.conf'] });
    await expect(backUp(nothing)).rejects.toMatchObject({ code: 'TARGET_FOLDER_MISSING' });
  });

  it('goes on top of what others have pushed, also in between, and touches only its own folder', async () => {
    await made(jobOf());
    await pushByHand(repository, join(root, 'one'), 'README');
    await write(root, { 'etc/mysql/my.cnf': '[client]\n' });
    const job = jobOf();
    await prove(job, await made(job));
    await pushByHand(repository, join(root, 'two'), 'erp2/file');
    await write(root, { 'etc/mysql/my.cnf': '[server]\n' });
    await made(jobOf());
    expect(await commits()).toBe(5);
    const names = await git(repository, 'ls-tree', '-r', '--name-only', 'main');
    expect(names).toContain('README\n');
    expect(names).toContain('erp2/file\n');
  });

  it('begins again where the branch moved on while it was at work', async () => {
    await made(jobOf());
    await write(root, { 'etc/mysql/my.cnf': '[client]\n' });
    let moves = 0;
    // Called right before the push.
    const ensureLease = () => {
      if (moves++ >= 2) return;
      const script = `git clone -q "$1" "$2" && cd "$2" && date +%N > moved && git add moved &&
        git -c user.name=a -c user.email=b commit -q -m moved && git push -q origin HEAD:main`;
      execFileSync('sh', ['-euc', script, 'sh', repository, join(root, `moved${moves}`)]);
    };
    const job = jobOf();
    const artefact = await backUp(job, quietContext({ ensureLease }));
    await prove(job, artefact);
    expect(await commits()).toBe(4);
    expect(await git(repository, 'rev-parse', 'main')).toBe(`${artefact.manifest.git?.commit}\n`);
  });

  it('finds the commit that an attempt before it has pushed, and makes no second one', async () => {
    const job = jobOf();
    vi.stubEnv('HOZEN_FAILPOINTS', `git.pushed=throw@${join(root, 'marker')}`);
    await expect(backUp(job)).rejects.toThrow('git.pushed');
    const again = { ...job, attempt: 2, epoch: 2, spoolDir: join(root, 'spool2') };
    await mkdir(again.spoolDir);
    const artefact = await made(again);
    expect(artefact.manifest.git?.changed).toBe(true);
    expect(await commits()).toBe(1);
  });

  it('pushes nothing once its lease is lost', async () => {
    const ensureLease = () => {
      throw new HozenError('LEASE_LOST');
    };
    await expect(backUp(jobOf(), quietContext({ ensureLease }))).rejects.toMatchObject({ code: 'LEASE_LOST' });
    await expect(commits()).rejects.toThrow(/unknown revision/);
  });

  it('runs no hook of the repository, and none of anybody’s configuration', async () => {
    await made(jobOf());
    const marker = join(root, 'ran');
    await write(repository, { 'hooks/pre-receive': `#!/bin/sh\ntouch ${marker}\nexit 1\n` });
    await chmod(join(repository, 'hooks/pre-receive'), 0o755);
    await write(root, { 'etc/mysql/my.cnf': '[client]\n' });
    await made(jobOf());
    await expect(stat(marker)).rejects.toThrow();
  });

  it('is found wrong when the repository in it is not what the listing says', async () => {
    const job = jobOf();
    const artefact = await made(job);
    await write(root, { 'etc/mysql/my.cnf': 'another\n' });
    const other = await made(jobOf());
    const bundle = await run('sh', ['-c', `tar -xOf "$1" --wildcards 'repository.bundle*'`, 'sh', other.path], {
      encoding: 'buffer',
    });
    const swapped = await rewritten(artefact, BUNDLE, () => bundle.stdout);
    const manifest = { ...swapped.manifest, git: other.manifest.git ?? artefact.manifest.git };
    const wrong = { ...swapped, manifest } as CommittedArtefact;
    await expect(proveConfiguration(job, wrong, quietContext())).rejects.toMatchObject({
      code: 'CONTENT_DIFFERS',
      message: expect.stringContaining('my.cnf') as string,
    });
    const cut = await rewritten(other, BUNDLE, (content) => content.subarray(0, -40));
    await expect(proveConfiguration(job, cut, quietContext())).rejects.toBeInstanceOf(HozenError);
  });

  it('is encrypted like any other, and read again with the key of the attempt', async () => {
    const { recipient } = newIdentity();
    const job = jobOf();
    job.config.encryption = { recipients: [recipient] };
    await prove(job, await made(job));
  });

  it.each([
    ['is no repository', { url: '/etc' }, 'REPOSITORY_REFUSED'],
    ['is nowhere', { url: 'https://127.0.0.1:1/x.git' }, 'REPOSITORY_UNREACHABLE'],
  ])('says what is wrong where the repository %s', async (_what, spec, code) => {
    await expect(backUp(jobOf({}, {}, spec))).rejects.toMatchObject({ code });
  });
});
