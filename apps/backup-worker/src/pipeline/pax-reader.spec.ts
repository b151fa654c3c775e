import { execFile } from 'node:child_process';
import { createHash, type Hash } from 'node:crypto';
import { link, mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PaxMember } from './pax-member.js';
import { PaxReader, type PaxTaker } from './pax-reader.js';

const run = promisify(execFile);
const LONG = 'long/'.repeat(60) + 'n'.repeat(255);

let folder: TempDir;
beforeEach(async () => {
  folder = await tempDir();
});
afterEach(() => folder[Symbol.asyncDispose]());

/** What an archive holds, with the SHA-256 of each file. */
class Contents implements PaxTaker {
  readonly members: (PaxMember & { sha256?: string; bytes: number })[] = [];
  #hash: Hash | undefined;

  member(member: PaxMember): void {
    this.members.push({ ...member, bytes: 0 });
    this.#hash = createHash('sha256');
  }

  content(bytes: Buffer): void {
    const member = this.members.at(-1);
    if (member) member.bytes += bytes.length;
    this.#hash?.update(bytes);
  }

  memberEnd(): undefined {
    const member = this.members.at(-1);
    if (member && this.#hash) member.sha256 = this.#hash.digest('hex');
  }

  of(path: string): Contents['members'][number] | undefined {
    return this.members.find((member) => member.path === path);
  }
}

async function archive(...options: string[]): Promise<Buffer> {
  const args = ['-C', folder.path, '-cf', '-', '--sparse', '--numeric-owner', '--owner=4000000', ...options, '.'];
  return (await run('tar', args, { encoding: 'buffer', maxBuffer: 1 << 28 })).stdout;
}

async function read(bytes: Buffer, piece: number): Promise<Contents> {
  const contents = new Contents();
  const reader = new PaxReader(contents);
  for (let at = 0; at < bytes.length; at += piece) await reader.push(bytes.subarray(at, at + piece));
  reader.end();
  return contents;
}

async function fill(): Promise<void> {
  await mkdir(folder.join(LONG.slice(0, LONG.lastIndexOf('/'))), { recursive: true });
  await writeFile(folder.join(LONG), 'long');
  await symlink(LONG, folder.join('link'));
  await writeFile(folder.join('plain'), 'plain');
  await link(folder.join('plain'), folder.join('second'));
  await writeFile(folder.join('sparse'), 'begin');
  await truncate(folder.join('sparse'), 3_000_000);
  await writeFile(folder.join('sparse'), 'end', { flag: 'a' });
  await truncate(folder.join('sparse'), 4_000_000);
  await writeFile(folder.join('hole'), '');
  await truncate(folder.join('hole'), 1_234_567);
}

describe('a reader of archives', () => {
  it.each([
    ['posix', 1],
    ['posix', 511],
    ['posix', 65_536],
  ])('understands what tar writes as %s, cut into pieces of %i bytes', async (format, piece) => {
    await fill();
    const found = await read(await archive(`--format=${format}`), piece);
    const sumOf = (text: Buffer | string) => createHash('sha256').update(text).digest('hex');
    const sparseFile = Buffer.alloc(4_000_000);
    sparseFile.write('begin');
    sparseFile.write('end', 3_000_000);
    expect(found.of(`./${LONG}`)).toMatchObject({ type: 'file', size: 4, sha256: sumOf('long'), uid: 4_000_000 });
    expect(found.of('./link')).toMatchObject({ type: 'link', target: LONG });
    expect(found.of('./sparse')).toMatchObject({ isSparse: true, bytes: 4_000_000, sha256: sumOf(sparseFile) });
    expect(found.of('./hole')).toMatchObject({ bytes: 1_234_567, sha256: sumOf(Buffer.alloc(1_234_567)) });
    expect(found.members.filter(({ type }) => type === 'hard-link')).toHaveLength(1);
    expect(found.of('.')).toMatchObject({ type: 'folder' });
  });

  it('understands long names and large numbers of GNU tar', async () => {
    await mkdir(folder.join(LONG.slice(0, LONG.lastIndexOf('/'))), { recursive: true });
    await writeFile(folder.join(LONG), 'long');
    await symlink(LONG, folder.join('link'));
    const found = await read(await archive('--format=gnu'), 700);
    expect(found.of(`./${LONG}`)).toMatchObject({ type: 'file', bytes: 4, uid: 4_000_000 });
    expect(found.of('./link')).toMatchObject({ target: LONG });
  });

  it('refuses sparse files of GNU format, which it does not know', async () => {
    await fill();
    await expect(read(await archive('--format=gnu'), 65_536)).rejects.toThrow('unknown type S');
  });

  it('says so when the archive is cut off, wherever', async () => {
    await fill();
    const bytes = await archive('--format=posix');
    const end = bytes.findLastIndex((byte) => byte !== 0) + 1;
    for (const cut of [0, 100, 512, 1024, 2_000, Math.floor(end / 2), end]) {
      await expect(read(bytes.subarray(0, cut), 65_536)).rejects.toThrow(RangeError);
    }
  });

  it('says so when a header is damaged', async () => {
    await writeFile(folder.join('plain'), 'plain');
    const bytes = await archive('--format=posix');
    bytes[100 + bytes.indexOf('./plain')] = 0x41;
    await expect(read(bytes, 65_536)).rejects.toThrow(/checksum|number/);
  });
});
