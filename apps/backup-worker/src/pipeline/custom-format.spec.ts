import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findTools, toolEnvironment, toolOutput, type PostgresTools } from '@hozen/dbms';
import { everyKindOfObject, tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CustomFormatReader, FormatError, type StreamContents, type TocEntry } from './custom-format.js';

let server: TestPostgres;
let folder: TempDir;
let tools: PostgresTools;
let dump: Buffer;
beforeAll(async () => {
  server = await TestPostgres.start();
  await everyKindOfObject(server);
  tools = await findTools(150_000);
  await using env = await toolEnvironment(server.address('shop'));
  dump = await toolOutput({ path: tools.path('pg_dump'), args: ['-Fc', '-Z0'], env });
  folder = await tempDir();
  writeFileSync(join(folder.path, 'dump'), dump);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** In pieces that lie in the same memory one after the other, as those that a program prints. */
function read(bytes: Buffer, piece = bytes.length): StreamContents & { entries: TocEntry[] } {
  const entries: TocEntry[] = [];
  const reader = new CustomFormatReader({ onEntry: (entry) => entries.push(entry) });
  const memory = Buffer.alloc(piece);
  for (let at = 0; at < bytes.length; at += piece) {
    reader.push(memory.subarray(0, bytes.copy(memory, 0, at, at + piece)));
  }
  return { entries, ...reader.end() };
}

describe('the reader of pg_dump archives', () => {
  it('sees the same table of contents as pg_restore', () => {
    // From a file: it would close a pipe as soon as it has seen enough.
    const list = execFileSync(tools.path('pg_restore'), ['--list', join(folder.path, 'dump')], { encoding: 'latin1' });
    const listed = [...list.matchAll(/^(\d+); \d+ \d+ ([A-Z][A-Z ]*[A-Z])(?= )/gm)].map(([, id, desc]) => ({
      id,
      desc,
    }));
    const seen = new Map(read(dump).entries.map((entry) => [String(entry.dumpId), entry]));
    expect(listed.length).toBeGreaterThan(200);
    for (const { id, desc } of listed) {
      // In the list the kind runs into a schema in capitals; none has one here.
      expect(desc?.startsWith(seen.get(id ?? '')?.desc ?? 'nothing')).toBe(true);
    }
    expect(seen.size).toBe(Number(/TOC Entries: (\d+)/.exec(list)?.[1]));
  });

  it('counts the rows of every table as the server does', async () => {
    await using client = await server.client('shop');
    const { tables } = read(dump);
    expect(tables.length).toBeGreaterThan(20);
    for (const { schema, name, rows } of tables) {
      const from = `${client.escapeIdentifier(schema)}.${client.escapeIdentifier(name)}`;
      const counted = await client.query<{ n: number }>(`SELECT count(*)::int AS n FROM ONLY ${from}`);
      expect({ name, rows }).toEqual({ name, rows: counted.rows[0]?.n });
    }
  });

  it('sees large objects, empty ones too, and sequences', () => {
    const { largeObjects, sequences } = read(dump);
    expect(largeObjects).toMatchObject({ count: 3, bytes: 13 * 9000 + 140_000 });
    expect(sequences.find(({ name }) => name === 'loose')?.state).toMatch(/setval\('app\.loose', -4, true\)/);
  });

  it('reads the same whatever pieces the bytes come in', () => {
    const whole = read(dump);
    for (const piece of [1, 7, 4096, 65_536]) expect(read(dump, piece)).toEqual(whole);
  });

  it('does not take a cut one for a whole one, wherever it is cut', () => {
    for (let step = 0; step < 300; step++) {
      const length = Math.floor((dump.length * step) / 300);
      expect(() => read(dump.subarray(0, length)), `cut at ${length}`).toThrow(FormatError);
    }
    expect(() => read(dump.subarray(0, dump.length - 1))).toThrow(FormatError);
  });

  it('does not take one for whole that ends between two data blocks', () => {
    const reader = new CustomFormatReader();
    // The large objects come last, with a quarter of a megabyte.
    const tail = dump.length - 300_000;
    reader.push(dump.subarray(0, tail));
    for (let at = tail; at < dump.length; at++) {
      expect(() => reader.end()).toThrow(FormatError);
      reader.push(dump.subarray(at, at + 1));
    }
    expect(reader.end().tables.length).toBeGreaterThan(20);
  });

  it('does not take more than a whole one', () => {
    expect(() => read(Buffer.concat([dump, Buffer.from([1])]))).toThrow(FormatError);
    expect(() => read(Buffer.concat([dump, dump]))).toThrow(FormatError);
  });

  it('refuses what is no archive', () => {
    expect(() => read(Buffer.from('-- PostgreSQL database dump'))).toThrow(/not an archive/);
    const future = Buffer.from(dump);
    future[6] = 99;
    expect(() => read(future)).toThrow(/unknown archive version 1\.99/);
  });
});
