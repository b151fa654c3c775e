import { open, type FileHandle } from 'node:fs/promises';
import { HozenError, type Compression } from '@hozen/contracts';
import { parseIndex, type ArtefactIndex, type StreamFacts } from './artefact-index.js';
import { INDEX_ENTRY } from './artefact-writer.js';
import type { Manifest } from './manifest.js';
import { unpackAtMost, unpackMember } from './members.js';
import { entryBytes, readTarHeader, TAR_BLOCK } from './tar.js';

/** Parts that are read and unpacked ahead of the one that is used. */
const AHEAD = 2;

/** An artefact opened for reading: any stream of it alone, without touching the rest. */
export class ArtefactFile implements AsyncDisposable {
  private constructor(
    readonly path: string,
    readonly compression: Compression,
    readonly index: ArtefactIndex,
    private readonly handle: FileHandle,
  ) {}

  /** @throws HozenError ARTEFACT_MISSING, ARTEFACT_CORRUPT, STORAGE_IO */
  static async open(path: string, manifest: Manifest): Promise<ArtefactFile> {
    const handle = await openExisting(path);
    try {
      const { size } = await handle.stat();
      const { bytes } = manifest.artefact;
      if (size !== bytes) throw corrupt(path, `it has ${size} bytes instead of ${bytes}`);
      const index = await readIndex(path, handle, manifest);
      return new ArtefactFile(path, manifest.compression, index, handle);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** @throws HozenError ARTEFACT_CORRUPT when there is no such stream */
  stream(name: string): StreamFacts {
    const found = this.index.streams.find((stream) => stream.name === name);
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
    const ahead: Promise<Buffer>[] = [];
    let next = 0;
    for (let part = 0; part < stream.parts.length; part++) {
      while (next < stream.parts.length && next <= part + AHEAD) {
        const reading = this.#readPart(stream, next++);
        // A failure is looked at when its turn comes.
        reading.catch(() => undefined);
        ahead.push(reading);
      }
      const bytes = await ahead.shift();
      if (bytes) yield bytes;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.handle.close();
  }

  async #readPart(stream: StreamFacts, part: number): Promise<Buffer> {
    const [offset = 0, storedBytes = 0, bytes = 0] = stream.parts[part] ?? [];
    try {
      const stored = await readExactly(this.handle, offset, storedBytes);
      const raw = Buffer.allocUnsafeSlow(entryBytes(bytes));
      await unpackMember(stored, this.compression, raw);
      return raw.subarray(TAR_BLOCK, TAR_BLOCK + bytes);
    } catch (error) {
      throw damaged(this.path, `${stream.name}, part ${part + 1}`, error);
    }
  }
}

/** @throws HozenError ARTEFACT_MISSING, STORAGE_IO */
export async function openExisting(path: string, flags: number | 'r' = 'r'): Promise<FileHandle> {
  try {
    return await open(path, flags);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new HozenError('ARTEFACT_MISSING', { path }, { cause });
    throw new HozenError('STORAGE_IO', { path }, { cause, detail: message });
  }
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

async function readIndex(path: string, handle: FileHandle, manifest: Manifest): Promise<ArtefactIndex> {
  const { offset, length } = manifest.index;
  if (offset + length !== manifest.artefact.bytes) throw corrupt(path, 'the index does not end the file');
  try {
    const stored = await readExactly(handle, offset, length);
    return parseIndex(await indexText(stored, manifest.compression), path);
  } catch (error) {
    throw damaged(path, INDEX_ENTRY, error);
  }
}

/** An index of one gigabyte would belong to an artefact of a hundred terabytes. */
const LARGEST_INDEX = 1 << 30;

async function indexText(stored: Buffer, compression: Compression): Promise<string> {
  const raw = await unpackAtMost(stored, compression, LARGEST_INDEX);
  const { name, size } = readTarHeader(raw);
  if (name !== INDEX_ENTRY || raw.length !== entryBytes(size) + 2 * TAR_BLOCK) throw new RangeError('not the index');
  return raw.toString('utf8', TAR_BLOCK, TAR_BLOCK + size);
}

/** @throws RangeError when the file ends before */
export async function readExactly(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  for (let done = 0; done < length;) {
    const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) throw new RangeError('cut off');
    done += bytesRead;
  }
  return bytes;
}
