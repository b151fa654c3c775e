import { constants, open, type FileHandle } from 'node:fs/promises';
import { HozenError } from '@hozen/contracts';
import type { ByteSource } from '../../artefact/byte-source.js';
import { ALIGNED_BYTES, isRefused } from './aligned-buffer.js';

/** A file, opened for reading. */
export class FileSource implements ByteSource {
  readonly piece = ALIGNED_BYTES;

  private constructor(
    private readonly handle: FileHandle,
    readonly size: number,
  ) {}

  /**
   * Read once from end to end, it is read past the page cache where the file system can: what is checked is what the
   * disk holds, not what memory remembers of the writing.
   * @throws HozenError ARTEFACT_MISSING, STORAGE_IO
   */
  static async open(path: string, way: 'any' | 'sequential'): Promise<FileSource> {
    const handle = await openFile(path, way);
    try {
      return new FileSource(handle, (await handle.stat()).size);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async readInto(buffer: Buffer, offset: number): Promise<number> {
    let done = 0;
    // Stops at the known end: beyond it direct I/O would ask for an unaligned place.
    while (done < buffer.length && offset + done < this.size) {
      const { bytesRead } = await this.handle.read(buffer, done, buffer.length - done, offset + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.handle.close();
  }
}

async function openFile(path: string, way: 'any' | 'sequential'): Promise<FileHandle> {
  try {
    return await open(path, way === 'any' ? constants.O_RDONLY : constants.O_RDONLY | constants.O_DIRECT);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (isRefused(cause) && way === 'sequential') return openFile(path, 'any');
    if (code === 'ENOENT') throw new HozenError('ARTEFACT_MISSING', { path }, { cause });
    throw new HozenError('STORAGE_IO', { path }, { cause, detail: message });
  }
}
