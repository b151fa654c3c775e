import { HozenError, type Compression } from '@hozen/contracts';
import { DecryptingSource } from '../encryption/decrypting-source.js';
import type { FindFileKey } from '../encryption/file-key.js';
import { openPayload, type Payload } from '../encryption/payload.js';
import { parseIndex, type ArtefactIndex, type StreamFacts } from './artefact-index.js';
import { EMBEDDED, fromComments } from './embedded.js';
import { framingOf, INDEX_ENTRY, type Framing } from './framing.js';
import { readExactly, type ByteSource } from './byte-source.js';
import type { Manifest } from './manifest.js';
import { unpackAtMost, unpackMember } from './members.js';
import { MAX_PART } from './part-buffers.js';
import { owned, Pool, type Lent } from './pooled.js';
import { SharedBytes } from './shared-bytes.js';
import { entryBytes } from './tar.js';

/** Parts that are read and unpacked ahead of the one that is used. */
const AHEAD = 2;

/** For stored parts, and for those of them that are handed on to several: new memory for each would cost as much as unpacking. */
const MEMORY = new Pool(() => Buffer.allocUnsafeSlow(entryBytes(MAX_PART)));

/** What is needed to open an artefact. */
export interface StoredArtefact {
  path: string;
  manifest: Manifest;
  storage: { source(path: string, way: 'any'): Promise<ByteSource> };
  /** Of an encrypted one; absent where nobody can read it. */
  findFileKey?: FindFileKey | undefined;
}

/** An artefact opened for reading: any stream of it alone, without touching the rest. */
export class ArtefactFile implements AsyncDisposable {
  private constructor(
    readonly path: string,
    readonly compression: Compression,
    readonly framing: Framing,
    readonly index: ArtefactIndex,
    private readonly source: ByteSource,
    /** How its bytes are encrypted, if they are. */
    readonly payload: Payload | undefined,
  ) {}

  /** @throws HozenError ARTEFACT_MISSING, ARTEFACT_CORRUPT, of the IDENTITY_ and of the STORAGE_ codes */
  static async open(artefact: StoredArtefact): Promise<ArtefactFile> {
    const { path, manifest, storage } = artefact;
    const source = await storage.source(path, 'any');
    try {
      const { bytes } = manifest.artefact;
      if (source.size !== bytes) throw corrupt(path, `it has ${source.size} bytes instead of ${bytes}`);
      const payload = await payloadOf(artefact, source);
      const plain = payload ? new DecryptingSource(source, payload) : source;
      const framing = framingOf(manifest.sql ?? false);
      const index = await readIndex(path, plain, manifest, framing);
      return new ArtefactFile(path, manifest.compression, framing, index, plain, payload);
    } catch (error) {
      await source[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** @throws HozenError ARTEFACT_CORRUPT when there is no such stream */
  stream(name: string): StreamFacts {
    const found =
      this.index.streams.find((stream) => stream.name === name) ??
      this.index.streams.find((stream) => stream.name === `${name}${EMBEDDED}`);
    if (!found) throw corrupt(this.path, `${name} is missing`);
    return found;
  }

  /** A small file of the artefact. */
  async readFile(name: string): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.read(this.stream(name))) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  /** The bytes of one stream, a part at a time; the next parts are unpacked meanwhile. */
  async *read(stream: StreamFacts): AsyncGenerator<Buffer> {
    if (stream.name.endsWith(EMBEDDED)) yield* this.#embedded(stream);
    else for await (const { bytes } of this.#partsOf(stream, ownMemory)) yield bytes;
  }

  /** What a file of SQL holds in comments. */
  async *#embedded(stream: StreamFacts): AsyncGenerator<Buffer> {
    try {
      yield* fromComments(slicesOf(this.#partsOf(stream, pooledMemory)));
    } catch (error) {
      throw damaged(this.path, stream.name, error);
    }
  }

  /**
   * {@link read} into memory that is used again: a part is released when the next one is asked for, and stays as long as
   * somebody else holds it.
   * @param leavesOut asked before each part, with its bytes: true where nobody wants it; it is not even read then
   */
  async *readShared(stream: StreamFacts, leavesOut?: (bytes: number) => boolean): AsyncGenerator<SharedBytes> {
    if (stream.name.endsWith(EMBEDDED)) {
      for await (const piece of this.#embedded(stream)) yield new SharedBytes(piece);
      return;
    }
    for await (const part of this.#partsOf(stream, pooledMemory, leavesOut)) {
      try {
        yield part;
      } finally {
        part.release();
      }
    }
  }

  /** {@link read} for those who are done with a chunk when they ask for the next: its memory is used again then. */
  async *readInTurn(stream: StreamFacts): AsyncGenerator<Buffer> {
    for await (const { bytes } of this.readShared(stream)) yield bytes;
  }

  async *#partsOf(
    stream: StreamFacts,
    memory: (bytes: number) => Lent,
    leavesOut?: (bytes: number) => boolean,
  ): AsyncGenerator<SharedBytes> {
    const ahead: Promise<SharedBytes>[] = [];
    let next = 0;
    for (let part = 0; part < stream.parts.length; part++) {
      if (leavesOut?.(stream.parts[part]?.[2] ?? 0)) {
        if (ahead.shift() === undefined) next = part + 1;
        continue;
      }
      while (next < stream.parts.length && next <= part + AHEAD) {
        const reading = this.#readPart(stream, next++, memory);
        // A failure is looked at when its turn comes.
        reading.catch(() => undefined);
        ahead.push(reading);
      }
      const read = await ahead.shift();
      if (read) yield read;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.source[Symbol.asyncDispose]();
  }

  async #readPart(stream: StreamFacts, part: number, memory: (bytes: number) => Lent): Promise<SharedBytes> {
    const [offset = 0, storedBytes = 0, bytes = 0] = stream.parts[part] ?? [];
    const stored = pooledMemory(storedBytes);
    try {
      if ((await this.source.readInto(stored.bytes, offset)) < storedBytes) throw new RangeError('cut off');
      const raw = memory(this.framing.bytes(bytes));
      await unpackMember(stored.bytes, this.compression, raw.bytes);
      const { start } = this.framing;
      return new SharedBytes(raw.bytes.subarray(start, start + bytes), () => raw.free());
    } catch (error) {
      throw damaged(this.path, `${stream.name}, part ${part + 1}`, error);
    } finally {
      stored.free();
    }
  }
}

function ownMemory(bytes: number): Lent {
  return owned(Buffer.allocUnsafeSlow(bytes));
}

function pooledMemory(bytes: number): Lent {
  if (bytes > entryBytes(MAX_PART)) return ownMemory(bytes);
  const memory = MEMORY.take();
  return { bytes: memory.subarray(0, bytes), free: () => MEMORY.give(memory) };
}

export function corrupt(path: string, what: string, cause?: unknown): HozenError {
  return new HozenError('ARTEFACT_CORRUPT', { path, what }, { cause });
}

/** What went wrong while a member was read: damage, or the disk. */
export function damaged(path: string, where: string, error: unknown): HozenError {
  if (error instanceof HozenError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof RangeError) return corrupt(path, `${where}: ${message}`, error);
  return new HozenError('STORAGE_IO', { path }, { cause: error, detail: message });
}

async function payloadOf(artefact: StoredArtefact, source: ByteSource): Promise<Payload | undefined> {
  const { path, manifest, findFileKey } = artefact;
  if (!manifest.encryption) return undefined;
  if (!findFileKey) throw new HozenError('IDENTITY_MISSING', { path });
  const expected = manifest.encryption.plain.bytes;
  try {
    const payload = await openPayload(source, findFileKey);
    if (payload.bytes !== expected) throw new RangeError(`it holds ${payload.bytes} bytes instead of ${expected}`);
    return payload;
  } catch (error) {
    throw damaged(path, 'encryption', error);
  }
}

async function readIndex(
  path: string,
  source: ByteSource,
  manifest: Manifest,
  framing: Framing,
): Promise<ArtefactIndex> {
  const { offset, length } = manifest.index;
  if (offset + length !== source.size) throw corrupt(path, 'the index does not end the file');
  try {
    const stored = await readExactly(source, offset, length);
    const raw = await unpackAtMost(stored, manifest.compression, LARGEST_INDEX);
    return parseIndex(framing.readIndex(raw), path);
  } catch (error) {
    throw damaged(path, INDEX_ENTRY, error);
  }
}

/** An index of one gigabyte would belong to an artefact of a hundred terabytes. */
const LARGEST_INDEX = 1 << 30;

/** Bytes that are decoded at a time. */
const SLICE = 64 * 1024;

/** In memory that is used again. */
async function* slicesOf(parts: AsyncIterable<SharedBytes>): AsyncGenerator<Buffer> {
  for await (const part of parts) {
    try {
      for (let at = 0; at < part.bytes.length; at += SLICE) yield part.bytes.subarray(at, at + SLICE);
    } finally {
      part.release();
    }
  }
}
