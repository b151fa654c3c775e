import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { chown, link, lutimes, mkdir, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { FilesTargetSpec } from '@hozen/contracts';
import { findProgram } from '@hozen/dbms';
import { aJob } from '../../job.fixture.js';
import type { BackupJob } from '../../job.js';
import { ArtefactFile } from '../../artefact/artefact-file.js';
import { ArtefactWriter } from '../../artefact/artefact-writer.js';
import { describe as describeArtefact, type CommittedArtefact } from '../../storage/committed-artefact.js';
import { FileSink } from '../../storage/file/file-sink.js';
import { LISTING } from './listing.js';

const run = promisify(execFile);

export const isRoot = process.getuid?.() === 0;
/** Whether access control lists and extended attributes can be made and shown here (packages acl and attr). */
export const hasAttributes = ['setfacl', 'getfacl', 'setfattr', 'getfattr'].every((name) => findProgram(name));

/** Names that a program may stumble over. */
export const ODD_NAMES = [
  'a\nline feed',
  '-rf',
  '--checkpoint-action=exec=false',
  ` quote ' and " and \\n and $HOME \``,
  '*?[x]',
  '倉庫 📦',
  'é'.repeat(127) + 'x',
].map((name) => Buffer.from(name));
export const NOT_UTF8 = Buffer.from([0x62, 0xff, 0xfe, 0x0a, 0xe5, 0x80]);

export function at(root: string, name: Buffer | string): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`), Buffer.from(name)]);
}

/** A tree with every kind of file. */
export async function makeTree(root: string): Promise<void> {
  await mkdir(join(root, 'folder/deep/deeper'), { recursive: true });
  await mkdir(join(root, 'empty'), { mode: 0o710 });
  await mkdir(join(root, 'read only'));
  await writeFile(join(root, 'folder/plain'), 'plain text\n', { mode: 0o640 });
  await writeFile(join(root, 'folder/deep/deeper/large'), Buffer.alloc(9_000_001, 'large '));
  await writeFile(join(root, 'folder/nothing'), '');
  await writeFile(join(root, 'read only/inside'), 'inside');
  for (const name of [...ODD_NAMES, NOT_UTF8]) await writeFile(at(root, name), `named ${name.toString('hex')}`);
  await mkdir(at(root, Buffer.concat([Buffer.from('d'), NOT_UTF8])));
  await writeFile(at(root, Buffer.concat([Buffer.from('d'), NOT_UTF8, Buffer.from('/inside')])), 'inside');
  await writeFile(join(root, 'sparse'), '');
  await truncate(join(root, 'sparse'), 64 * 1024 * 1024);
  await run('sh', [
    '-c',
    'printf middle | dd of="$1" bs=1 seek=20000003 conv=notrunc 2> /dev/null',
    'sh',
    join(root, 'sparse'),
  ]);
  await writeFile(join(root, 'only a hole'), '');
  await truncate(join(root, 'only a hole'), 5_000_000);
  await link(join(root, 'folder/plain'), join(root, 'another name'));
  await symlink('folder/plain', join(root, 'link'));
  await symlink('/etc', join(root, 'link out'));
  await symlink(at('..', NOT_UTF8), join(root, 'broken link'));
  await link(join(root, 'link'), join(root, 'link again'));
  await run('mkfifo', ['-m', '620', join(root, 'fifo')]);
  await run('chmod', ['4711', join(root, 'folder/nothing')]);
  if (isRoot) {
    await run('mknod', [join(root, 'device'), 'c', '1', '3']);
    await run('mknod', [join(root, 'block device'), 'b', '7', '300']);
    await chown(join(root, 'folder/nothing'), 12_345, 4_000_000);
    await run('chmod', ['4711', join(root, 'folder/nothing')]);
  }
  if (hasAttributes) {
    await run('setfacl', ['-m', 'u:1234:rwx,g:99:r', join(root, 'folder/plain')]);
    await run('setfacl', ['-d', '-m', 'u:1234:rx', join(root, 'folder')]);
    await run('setfattr', ['-n', 'user.origin', '-v', 'a\nb', join(root, 'folder/deep')]);
    if (isRoot) await run('setfattr', ['-n', 'trusted.origin', '-v', 'x'.repeat(900), join(root, 'sparse')]);
  }
  await utimes(join(root, 'folder/deep/deeper/large'), 1, 1_234_567_890.123);
  await utimes(join(root, 'empty'), -5, -5);
  await lutimes(join(root, 'link out'), 1, 999_999_999);
  await run('chmod', ['555', join(root, 'read only')]);
}

/** Everything about a tree, as programs of others see it. */
export async function described(root: string): Promise<string> {
  const script = `
    find . -type d -printf '%y %m %U:%G %T@ %p\\0' -o -printf '%y %m %U:%G %T@ %n %s <%l> %p\\0' | sort -z
    find . -type f -print0 | sort -z | xargs -0 sha256sum -z
    find . \\( -type c -o -type b \\) -exec stat -c '%n %t:%T' {} + | sort
    ${hasAttributes ? "find . ! -type l -print0 | sort -z | xargs -0 getfacl -n -p; find . -print0 | sort -z | xargs -0 getfattr -h -d -m '^(user|trusted)' -e hex" : ':'}`;
  const options = { cwd: root, encoding: 'latin1', maxBuffer: 1 << 28, env: { ...process.env, LC_ALL: 'C' } } as const;
  const { stdout } = await run('sh', ['-euc', script], options);
  return stdout.replaceAll('\0', '\n');
}

/** A socket in the tree, until it is closed. */
export async function aSocket(path: string): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}

/** A job that backs up the folder `root` into `folder`. */
export function filesJob(
  root: string,
  folder: string,
  change: Partial<BackupJob> = {},
  target: Partial<FilesTargetSpec> = {},
): BackupJob {
  const job = aJob(folder, change);
  job.target = Object.assign(new FilesTargetSpec(), { name: 'shop', kind: 'files', path: root, ...target });
  Object.assign(job.config, { method: 'files', compression: 'zstd' });
  mkdirSync(job.spoolDir, { recursive: true, mode: 0o711 });
  return job;
}

/** Puts something else where there was something. */
export async function replace(path: string, make: (path: string) => Promise<unknown>): Promise<void> {
  await rm(path, { recursive: true });
  await make(path);
}

/** What the restore.sh of a chain of backups makes of them, in a folder of `home`. */
export async function restoredByHand(
  made: readonly { artefact: CommittedArtefact }[],
  home: string,
  name = 'by hand',
): Promise<string> {
  const directory = join(home, name);
  const script = join(home, 'restore.sh');
  const files = made.map(({ artefact }) => artefact.path);
  await run('sh', ['-c', 'tar -xOf "$1" --occurrence=1 restore.sh > "$2"', 'sh', files.at(-1) ?? '', script]);
  await run('sh', [script, directory, ...files]);
  return directory;
}

/** The artefact, as if something else stood in one of its streams. */
export async function rewritten(
  artefact: CommittedArtefact,
  stream: string,
  change: (content: Buffer) => Buffer,
): Promise<CommittedArtefact> {
  const { manifest, storage } = artefact;
  const path = artefact.path.replace(/(\.tar)/, '-other$1');
  const options = { compression: manifest.compression, level: 1, streams: 2, modifiedAt: new Date() };
  const writer = new ArtefactWriter(await FileSink.create(path), options);
  await using file = await ArtefactFile.open(artefact);
  let listing = manifest.files?.listing;
  for (const { name } of file.index.streams) {
    const stored = await file.readFile(name);
    const content = name === stream ? change(stored) : stored;
    if (name === LISTING) listing = { sha256: createHash('sha256').update(content).digest('hex') };
    await writer.addFile(name, content);
  }
  const { index, ...written } = await writer.finish([]);
  const files = manifest.files && listing && { ...manifest.files, listing };
  const other = { ...manifest, artefact: { ...written, file: basename(path) }, index, ...(files ? { files } : {}) };
  return describeArtefact(`${path}.manifest.json`, other, storage);
}
