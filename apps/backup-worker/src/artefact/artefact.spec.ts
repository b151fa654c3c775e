import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Compression } from '@hozen/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileSink } from '../storage/file/file-sink.js';
import { storageOf } from '../storage/storage-of.js';
import { ArtefactFile } from './artefact-file.js';
import { ArtefactWriter, type WrittenArtefact } from './artefact-writer.js';
import { manifestFor } from './manifest.fixture.js';

const MIB = 1024 * 1024;
const FILES = storageOf({ kind: 'file', path: '/' });
const modifiedAt = new Date('2026-01-02T03:04:05Z');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hozen-artefact-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

async function write(
  compression: Compression,
  work: (writer: ArtefactWriter) => Promise<void>,
): Promise<{ path: string; written: WrittenArtefact }> {
  const path = join(folder, `a.tar.${compression}`);
  const writer = new ArtefactWriter(await FileSink.create(path), { compression, level: 1, streams: 2, modifiedAt });
  try {
    await work(writer);
    return { path, written: await writer.finish([]) };
  } finally {
    await writer.abort();
  }
}

async function addStream(writer: ArtefactWriter, name: string, ...chunks: Buffer[]): Promise<void> {
  const stream = writer.openStream(name);
  for (const chunk of chunks) await stream.write(chunk);
  await writer.endStream(stream);
}

function tar(...args: string[]): Buffer {
  return execFileSync('tar', args, { maxBuffer: 200 * MIB });
}

describe.each<Compression>(['gzip', 'zstd', 'none'])('an artefact with compression %s', (compression) => {
  it('is listed and extracted by GNU tar', async () => {
    const { path } = await write(compression, async (writer) => {
      await writer.addFile('README.txt', 'Read me.\n');
      await addStream(writer, 'databases/0001/data-01.dump', randomBytes(100), randomBytes(50));
    });
    expect(tar('-tf', path).toString().trim().split('\n')).toEqual([
      'README.txt',
      'databases/0001/data-01.dump',
      'index.json',
    ]);
    expect(tar('-xOf', path, 'README.txt').toString()).toBe('Read me.\n');
  });

  it('holds what is read straight into its parts as what is written to it', async () => {
    const data = randomBytes(5 * MIB + 123);
    const { path, written } = await write(compression, async (writer) => {
      const stream = writer.openStream('big');
      await stream.write(data.subarray(0, 1000));
      for (let at = 1000; at < data.length - 500;) {
        const room = await stream.room();
        const bytes = data.copy(room, 0, at, Math.min(at + 700_000, data.length - 500));
        await stream.filled(bytes);
        at += bytes;
      }
      await stream.write(data.subarray(data.length - 500));
      await writer.endStream(stream);
    });
    await using file = await ArtefactFile.open({
      path,
      manifest: manifestFor(path, written, compression),
      storage: FILES,
    });
    expect(file.stream('big').sha256).toBe(createHash('sha256').update(data).digest('hex'));
    expect((await file.readFile('big')).equals(data)).toBe(true);
  });

  it('gives a long stream back in order from its numbered parts', async () => {
    const data = randomBytes(9 * MIB + 123);
    const { path } = await write(compression, (writer) => addStream(writer, 'big', data));
    expect(tar('-tf', path).toString()).toMatch(/^big\.000000\nbig\.000001\n(.*\n)*big\.000004\n/);
    expect(tar('-xOf', path, '--wildcards', 'big*').equals(data)).toBe(true);
  });

  it('reads any stream alone through the index', async () => {
    const [one, two] = [randomBytes(5 * MIB), randomBytes(700_001)];
    const { path, written } = await write(compression, async (writer) => {
      const [a, b] = [writer.openStream('one'), writer.openStream('two')];
      for (let at = 0; at < one.length; at += 65_536) {
        await a.write(one.subarray(at, at + 65_536));
        await b.write(two.subarray(at, at + 65_536));
      }
      await writer.endStream(a);
      await writer.endStream(b);
    });
    await using file = await ArtefactFile.open({
      path,
      manifest: manifestFor(path, written, compression),
      storage: FILES,
    });
    expect((await file.readFile('two')).equals(two)).toBe(true);
    expect((await file.readFile('one')).equals(one)).toBe(true);
    expect(file.stream('one').sha256).toBe(createHash('sha256').update(one).digest('hex'));
  });

  it.each([0, 1, 511, 512, 513, 2 * MIB - 1, 2 * MIB, 2 * MIB + 1, 4 * MIB])(
    'keeps a stream of %i bytes as it is',
    async (bytes) => {
      const data = randomBytes(bytes);
      const { path, written } = await write(compression, (writer) => addStream(writer, 'stream', data));
      await using file = await ArtefactFile.open({
        path,
        manifest: manifestFor(path, written, compression),
        storage: FILES,
      });
      expect((await file.readFile('stream')).equals(data)).toBe(true);
      expect(tar('-xOf', path, '--wildcards', 'stream*').equals(data)).toBe(true);
    },
  );

  it('reports size and SHA-256 of the file', async () => {
    const { path, written } = await write(compression, (writer) => addStream(writer, 's', randomBytes(3 * MIB)));
    const bytes = readFileSync(path);
    expect(written.bytes).toBe(bytes.length);
    expect(written.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    expect(written.index.offset + written.index.length).toBe(bytes.length);
  });
});

describe('a compressed artefact', () => {
  it('is legal gzip for gzip -t and zcat', async () => {
    const { path } = await write('gzip', (writer) => addStream(writer, 's', randomBytes(9 * MIB)));
    execFileSync('gzip', ['-t', path]);
    expect(execFileSync('sh', ['-c', 'zcat "$1" | tar -tf -', 'sh', path]).toString()).toContain('s.000002');
  });
});

describe('writing an artefact', () => {
  it('refuses names that tar could not keep', async () => {
    await expect(write('gzip', (writer) => addStream(writer, 'x'.repeat(101), Buffer.from('a')))).rejects.toThrow(
      /not a name/,
    );
    await expect(write('none', (writer) => addStream(writer, 'naïve', Buffer.from('a')))).rejects.toThrow(/not a name/);
  });

  it('tells every writer of a failing disk, and hangs nobody', async () => {
    const failure = new Error('disk gone');
    const sink = {
      write: () => Promise.reject(failure),
      finish: () => Promise.reject(failure),
      abort: () => Promise.resolve(),
    };
    const writer = new ArtefactWriter(sink, { compression: 'gzip', level: 1, streams: 8, modifiedAt });
    const pour = async (name: string) => {
      const stream = writer.openStream(name);
      for (let i = 0; i < 100; i++) await stream.write(randomBytes(MIB));
      await writer.endStream(stream);
    };
    const results = await Promise.allSettled(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map(pour));
    expect(results.every((each) => each.status === 'rejected' && each.reason === failure)).toBe(true);
    await expect(writer.finish([])).rejects.toBe(failure);
    await writer.abort();
  });

  it('takes no more memory for a long stream than for a short one', async () => {
    const chunk = randomBytes(MIB);
    const path = join(folder, 'a.tar');
    const writer = new ArtefactWriter(await FileSink.create(path), {
      compression: 'none',
      level: 1,
      streams: 2,
      modifiedAt,
    });
    const stream = writer.openStream('long');
    let peak = 0;
    for (let i = 0; i < 600; i++) {
      await stream.write(chunk);
      if (i === 50) peak = process.memoryUsage().rss;
    }
    expect(process.memoryUsage().rss - peak).toBeLessThan(50 * MIB);
    await writer.endStream(stream);
    await writer.abort();
  });
});
