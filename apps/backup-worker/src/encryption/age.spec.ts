import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ByteSource } from '../artefact/byte-source.js';
import type { ArtefactSink } from '../storage/storage.js';
import { newIdentity } from './age.fixture.js';
import { CHUNK, SEALED_CHUNK } from './chunks.js';
import { DecryptingSource } from './decrypting-source.js';
import { EncryptingSink } from './encrypting-sink.js';
import { openPayload } from './payload.js';
import { identitiesIn, unwrap } from './recipients.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hozen-age-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Keeps what is written in memory. */
function memorySink(): ArtefactSink & { content: () => Buffer } {
  const written: Buffer[] = [];
  return {
    content: () => Buffer.concat(written),
    write: async (bytes) => void written.push(Buffer.from(bytes)),
    finish: async () => {
      const all = Buffer.concat(written);
      return { bytes: all.length, sha256: createHash('sha256').update(all).digest('hex') };
    },
    abort: async () => undefined,
    publish: async () => undefined,
  };
}

function memorySource(content: Buffer): ByteSource {
  return {
    size: content.length,
    piece: 1,
    readInto: async (buffer, offset) => content.copy(buffer, 0, offset),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

async function encrypted(plain: Buffer, recipients: string[], pieces = plain.length || 1): Promise<Buffer> {
  const inner = memorySink();
  const sink = await EncryptingSink.create(inner, recipients);
  for (let from = 0; from < plain.length; from += pieces) await sink.write(plain.subarray(from, from + pieces));
  const { plain: facts, bytes } = await sink.finish();
  expect(facts).toEqual({ bytes: plain.length, sha256: createHash('sha256').update(plain).digest('hex') });
  expect(bytes).toBe(inner.content().length);
  return inner.content();
}

async function opened(file: Buffer, secret: string): Promise<DecryptingSource> {
  const source = memorySource(file);
  const payload = await openPayload(source, async (header) => {
    const key = unwrap(header, identitiesIn(secret));
    if (!key) throw new Error('no identity fits');
    return key;
  });
  return new DecryptingSource(source, payload);
}

async function decrypted(file: Buffer, secret: string): Promise<Buffer> {
  const source = await opened(file, secret);
  const plain = Buffer.alloc(source.size);
  expect(await source.readInto(plain, 0)).toBe(source.size);
  return plain;
}

/** Around the borders of chunks, and of what is read at one time. */
const SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1, 33 * CHUNK, 70 * CHUNK + 12_345];

describe('age', () => {
  it.each(SIZES)('decrypts %i bytes that are encrypted here', async (size) => {
    const { recipient, secret } = newIdentity();
    const plain = randomBytes(size);
    const key = join(folder, 'key.txt');
    writeFileSync(key, secret);
    for (const pieces of [size || 1, 50_000, CHUNK]) {
      const input = await encrypted(plain, [recipient], pieces);
      const output = execFileSync('age', ['-d', '-i', key], { input, maxBuffer: 2 * size + 1 });
      expect(output.equals(plain)).toBe(true);
    }
  });

  it.each(SIZES)('encrypts %i bytes that are decrypted here', async (size) => {
    const { recipient, secret } = newIdentity();
    const plain = randomBytes(size);
    const others = [newIdentity(), newIdentity()].flatMap((each) => ['-r', each.recipient]);
    const file = execFileSync('age', [...others, '-r', recipient], { input: plain, maxBuffer: 2 * size + 10_000 });
    expect((await decrypted(file, secret)).equals(plain)).toBe(true);
  });

  it('decrypts for each of several recipients, and for nobody else', async () => {
    const all = [newIdentity(), newIdentity(), newIdentity()];
    const file = await encrypted(
      Buffer.from('treasure'),
      all.map(({ recipient }) => recipient),
    );
    for (const { secret } of all) {
      writeFileSync(join(folder, 'key.txt'), secret);
      expect(execFileSync('age', ['-d', '-i', join(folder, 'key.txt')], { input: file }).toString()).toBe('treasure');
      expect((await decrypted(file, secret)).toString()).toBe('treasure');
    }
    await expect(decrypted(file, newIdentity().secret)).rejects.toThrow('no identity fits');
  });
});

describe('reading an encrypted file', () => {
  it('gives any part of it', async () => {
    const { recipient, secret } = newIdentity();
    const plain = randomBytes(40 * CHUNK + 777);
    const source = await opened(await encrypted(plain, [recipient]), secret);
    const ranges = [
      [0, 10],
      [CHUNK - 1, 2],
      [CHUNK, CHUNK],
      [3 * CHUNK + 5, 34 * CHUNK],
      [plain.length - 1, 1],
    ] as const;
    for (const [offset, length] of ranges) {
      const part = Buffer.alloc(length);
      expect(await source.readInto(part, offset)).toBe(length);
      expect(part.equals(plain.subarray(offset, offset + length))).toBe(true);
    }
    expect(await source.readInto(Buffer.alloc(100), plain.length - 40)).toBe(40);
    expect(await source.readInto(Buffer.alloc(100), plain.length + 5)).toBe(0);
  });

  const { recipient, secret } = newIdentity();
  const plain = randomBytes(3 * CHUNK + 100);
  /** Where the sealed chunk begins. */
  const chunk = (file: Buffer, number: number) => file.length - (3 * SEALED_CHUNK + 116) + number * SEALED_CHUNK;
  const damage: Record<string, (file: Buffer) => Buffer> = {
    'a flipped bit in a chunk': (file) => flipped(file, chunk(file, 1) + 9),
    'a flipped bit in the tag of a chunk': (file) => flipped(file, chunk(file, 2) - 1),
    'a flipped bit before the first chunk': (file) => flipped(file, chunk(file, 0) - 1),
    'a cut between chunks': (file) => file.subarray(0, chunk(file, 3)),
    'a cut within a chunk': (file) => file.subarray(0, chunk(file, 2) + 500),
    'a cut behind the header': (file) => file.subarray(0, chunk(file, 0)),
    'a cut within the header': (file) => file.subarray(0, 60),
    'something behind the end': (file) => Buffer.concat([file, Buffer.alloc(50)]),
    'swapped chunks': (file) => {
      const [one, two, three] = [0, 1, 2].map((each) => chunk(file, each));
      const head = file.subarray(0, one);
      return Buffer.concat([head, file.subarray(two, three), file.subarray(one, two), file.subarray(three)]);
    },
    'another MAC': (file) => flipped(file, file.indexOf('--- ') + 10),
    'one more recipient': (file) => {
      const end = file.indexOf('--- ');
      const stanza = file.subarray(file.indexOf('-> '), end);
      return Buffer.concat([file.subarray(0, end), stanza, file.subarray(end)]);
    },
    'another version': (file) => Buffer.from(file.toString('latin1').replace('/v1', '/v2'), 'latin1'),
  };
  it.each(Object.keys(damage))('finds %s', async (what) => {
    const file = await encrypted(plain, [recipient]);
    expect((await decrypted(file, secret)).equals(plain)).toBe(true);
    await expect(decrypted(damage[what]?.(file) ?? file, secret)).rejects.toThrow(RangeError);
  });
});

it('key files with comments, old keys and Windows line ends are read', () => {
  const [one, two] = [newIdentity(), newIdentity()];
  const text = `# created: today\r\n${one.secret}\r\n\r\n# old\r\n${two.secret}\r\n`;
  expect(identitiesIn(text)).toHaveLength(2);
  expect(identitiesIn(readFileSync(import.meta.filename, 'utf8'))).toEqual([]);
});

function flipped(file: Buffer, at: number): Buffer {
  const changed = Buffer.from(file);
  // Stays a letter of Base64 where it is one: the change itself is to be found, not its spelling.
  changed[at] = changed[at] === 65 ? 66 : changed[at] === 66 ? 65 : (changed[at] ?? 0) ^ 1;
  return changed;
}
