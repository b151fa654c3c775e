import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { link, mkdir, readdir, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { HOSTILE_NAMES } from '@hozen/testkit';
import { noiseMb, type Content } from '../subject.js';

const run = promisify(execFile);

/** Modes, owners, times, links and sums of everything below a folder, as other programs see it. A line each. */
export async function treeContent(root: string): Promise<string[]> {
  const listed = await lines(
    root,
    "find . -type d -printf '%y %m %U:%G %T@ %p\\0' -o -printf '%y %m %U:%G %T@ %n %s <%l> %p\\0' | sort -z",
  );
  return [...listed, ...(await fileSums(root))];
}

/** Names and sums alone, of files alone. */
export function fileSums(root: string): Promise<string[]> {
  return lines(root, 'find . -type f -print0 | sort -z | xargs -0 -r sha256sum -z');
}

async function lines(cwd: string, script: string): Promise<string[]> {
  const env = { PATH: process.env['PATH'], LC_ALL: 'C' };
  const { stdout } = await run('sh', ['-euc', script], { cwd, env, encoding: 'latin1', maxBuffer: 1 << 30 });
  return stdout.split('\0');
}

/** Replaces what is in the folder. @param kinds of files: a bucket has but one */
export async function fillTree(root: string, content: Content, kinds: 'all' | 'files' = 'all'): Promise<void> {
  await emptied(root);
  if (content === 'normal') await (kinds === 'all' ? everyKind(root) : someFiles(root));
  await writeNoise(root, noiseMb(content) ?? 0, (bytes) => bytes);
  if (content !== 'hostile') return;
  for (const name of HOSTILE_NAMES.map((each) => each.replaceAll('/', ':'))) {
    await mkdir(join(root, name));
    await writeFile(join(root, name, name), name);
    if (kinds === 'all') await symlink(name, join(root, `${name} link`));
  }
}

/** Replaces it by so many small files, a thousand to a folder. */
export async function growTree(root: string, count: number): Promise<void> {
  await emptied(root);
  for (let first = 0; first < count; first += 1000) {
    const folder = join(root, `folder ${first / 1000}`);
    await mkdir(folder);
    const names = Array.from({ length: Math.min(1000, count - first) }, (_, n) => first + n);
    await Promise.all(names.map((n) => writeFile(join(folder, `file ${n}.txt`), `content ${n}\n`)));
  }
}

/** So many files of a megabyte each. */
export async function writeNoise(root: string, megabytes: number, form: (bytes: Buffer) => Buffer): Promise<void> {
  for (let n = 0; n < megabytes; n++) {
    await writeFile(join(root, `noise ${String(n).padStart(3, '0')}`), form(randomBytes(1e6)));
  }
}

export async function emptied(root: string): Promise<void> {
  for (const name of await readdir(root)) await rm(join(root, name), { recursive: true });
}

async function someFiles(root: string): Promise<void> {
  await mkdir(join(root, 'contracts/2026'), { recursive: true });
  await writeFile(join(root, 'contracts/2026/契約.txt'), 'first', { mode: 0o640 });
  await writeFile(join(root, 'large'), Buffer.alloc(3_000_000, 'x'));
  await writeFile(join(root, 'nothing'), '');
}

async function everyKind(root: string): Promise<void> {
  await someFiles(root);
  await link(join(root, 'large'), join(root, 'large too'));
  await symlink('contracts/2026', join(root, 'now'));
  await symlink('/nowhere', join(root, 'broken'));
  await writeFile(join(root, 'sparse'), 'begin');
  await truncate(join(root, 'sparse'), 20_000_000);
  await utimes(join(root, 'nothing'), 1, 1_234_567_890.123);
}
