import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Compression } from '@hozen/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ArtefactWriter, type WrittenArtefact } from '../artefact/artefact-writer.js';
import { manifestFor } from '../artefact/manifest.fixture.js';
import type { Manifest } from '../artefact/manifest.js';
import { aJob } from '../job.fixture.js';
import { describe as describeArtefact, type CommittedArtefact } from '../storage/committed-artefact.js';
import { FileSink } from '../storage/file/file-sink.js';
import { storageOf } from '../storage/storage-of.js';
import { checkArtefact } from './check-artefact.js';

const MIB = 1024 * 1024;
const modifiedAt = new Date('2026-01-02T03:04:05Z');
const context = { signal: new AbortController().signal, progress: () => undefined };

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hozen-check-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function makeArtefact(name: string, compression: Compression, streams: Record<string, Buffer>) {
  const path = join(folder, name);
  const writer = new ArtefactWriter(await FileSink.create(path), { compression, level: 1, streams: 2, modifiedAt });
  for (const [stream, bytes] of Object.entries(streams)) {
    const open = writer.openStream(stream);
    await open.write(bytes);
    await writer.endStream(open);
  }
  const written = await writer.finish([]);
  return { path, artefact: committed(path, written, compression), pristine: readFileSync(path) };
}

function committed(path: string, written: WrittenArtefact, compression: Compression, change: Partial<Manifest> = {}) {
  const manifest = { ...manifestFor(path, written, compression), ...change };
  return describeArtefact(`${path}.manifest.json`, manifest, storageOf({ kind: 'file', path: folder }));
}

async function codeOf(artefact: CommittedArtefact): Promise<unknown> {
  try {
    await checkArtefact(aJob(folder), artefact, context);
    return 'good';
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

describe.each<Compression>(['gzip', 'zstd', 'none'])('checking an artefact with compression %s', (compression) => {
  it('finds a whole one good', async () => {
    const { artefact } = await makeArtefact(`good-${compression}`, compression, {
      one: randomBytes(5 * MIB),
      two: Buffer.alloc(0),
    });
    expect(await codeOf(artefact)).toBe('good');
  });

  it('finds a flipped bit wherever it is', async () => {
    const { path, artefact, pristine } = await makeArtefact(`flip-${compression}`, compression, {
      text: Buffer.from('select 1;\n'.repeat(9_000)),
      noise: randomBytes(70_000),
    });
    const places = Array.from({ length: 60 }, (_, i) => Math.floor((i * (pristine.length - 1)) / 59));
    for (const place of places) {
      const flipped = Buffer.from(pristine);
      flipped[place] = (flipped[place] ?? 0) ^ (1 << (place % 8));
      writeFileSync(path, flipped);
      expect(`${place}: ${String(await codeOf(artefact))}`).toBe(`${place}: ARTEFACT_CORRUPT`);
    }
  });

  it('finds it cut off or grown', async () => {
    const { path, artefact, pristine } = await makeArtefact(`cut-${compression}`, compression, {
      noise: randomBytes(200_000),
    });
    for (const length of [0, 1, 511, 512, 100_000, pristine.length - 1024, pristine.length - 1]) {
      writeFileSync(path, pristine);
      truncateSync(path, length);
      expect(await codeOf(artefact)).toBe('ARTEFACT_CORRUPT');
    }
    writeFileSync(path, Buffer.concat([pristine, Buffer.alloc(512)]));
    expect(await codeOf(artefact)).toBe('ARTEFACT_CORRUPT');
  });

  it('says that it is missing', async () => {
    const { path, artefact } = await makeArtefact(`gone-${compression}`, compression, { a: randomBytes(10) });
    rmSync(path);
    expect(await codeOf(artefact)).toBe('ARTEFACT_MISSING');
  });

  it('finds a dump that is no whole dump though all sums are right', async () => {
    const { artefact } = await makeArtefact(`dump-${compression}`, compression, {
      'databases/0001/data-01.dump': randomBytes(1000),
    });
    expect(await codeOf(artefact)).toBe('ARTEFACT_CORRUPT');
  });
});

describe('checking an artefact', () => {
  it('finds a table whose rows are not those that were counted when it was dumped', async () => {
    const path = join(folder, 'counted');
    const writer = new ArtefactWriter(await FileSink.create(path), {
      compression: 'gzip',
      level: 1,
      streams: 1,
      modifiedAt,
    });
    const table = { schema: 'public', name: 't', columns: 'a', rows: 1, bytes: 1, content: '0'.repeat(16) };
    const largeObjects = { count: 0, bytes: 0, content: '0'.repeat(16) };
    await writer.addFile('README.txt', 'x');
    const written = await writer.finish([
      { folder: 'databases/0001', name: 'shop', tables: [table], sequences: [], largeObjects },
    ]);
    const artefact = committed(path, written, 'gzip');
    await expect(checkArtefact(aJob(folder), artefact, context)).rejects.toThrow(/table public\.t is missing/);
  });

  it('names the stream and the part that is damaged', async () => {
    const { path, artefact, pristine } = await makeArtefact('name', 'gzip', { first: randomBytes(9 * MIB) });
    const flipped = Buffer.from(pristine);
    flipped[5 * MIB] = (flipped[5 * MIB] ?? 0) ^ 1;
    writeFileSync(path, flipped);
    await expect(checkArtefact(aJob(folder), artefact, context)).rejects.toThrow(/first, part 3 at byte/);
  });

  it('refuses a member that would unpack to more than it should, without unpacking it', async () => {
    const { path, artefact, pristine } = await makeArtefact('bomb', 'gzip', { small: randomBytes(2000) });
    const bomb = gzipSync(Buffer.alloc(64 * MIB));
    const swapped = Buffer.concat([bomb, pristine]).subarray(0, pristine.length);
    writeFileSync(path, swapped);
    expect(await codeOf(artefact)).toBe('ARTEFACT_CORRUPT');
  });

  it('stops when it is told to', async () => {
    const { artefact } = await makeArtefact('stop', 'gzip', { a: randomBytes(10) });
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(checkArtefact(aJob(folder), artefact, { ...context, signal })).rejects.toThrow('enough');
  });

  it('agrees with gzip and tar about a good one', async () => {
    const { path } = await makeArtefact('agree.tar.gz', 'gzip', { a: randomBytes(5 * MIB) });
    execFileSync('sh', ['-c', 'gzip -t "$1" && tar -xOf "$1" > /dev/null', 'sh', path]);
  });
});
