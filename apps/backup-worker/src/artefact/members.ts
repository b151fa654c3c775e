import { promisify } from 'node:util';
import { constants, gunzip, gzip } from 'node:zlib';
import { HozenError, type Compression } from '@hozen/contracts';

const deflate = promisify<Buffer, { level: number; chunkSize: number; memLevel: number }, Buffer>(gzip);
const inflate = promisify<Buffer, { chunkSize: number; maxOutputLength: number }, Buffer>(gunzip);

/** Bytes of output that are asked for at a time: few round trips through the thread pool, little memory left over. */
const OUTPUT = 256 * 1024;

/**
 * Packs one member of an artefact: a gzip member of its own, so that each can be read alone. Runs in the thread pool.
 * @throws HozenError COMPRESSION_FAILED
 */
export async function packMember(raw: Buffer, compression: Compression, level: number): Promise<Buffer> {
  if (compression === 'none') return raw;
  try {
    return await deflate(raw, { level, chunkSize: OUTPUT, memLevel: 9 });
  } catch (cause) {
    throw new HozenError('COMPRESSION_FAILED', {}, { cause, detail: cause instanceof Error ? cause.message : '' });
  }
}

/**
 * Unpacks one member that must come to exactly `bytes`. A member that would grow beyond that is refused before it
 * takes the memory.
 * @throws RangeError with what is wrong with the member.
 */
export async function unpackMember(stored: Buffer, compression: Compression, bytes: number): Promise<Buffer> {
  const raw = compression === 'none' ? stored : await inflateWhole(stored, bytes);
  if (raw.length !== bytes) throw new RangeError(`a member holds ${raw.length} bytes instead of ${bytes}`);
  return raw;
}

async function inflateWhole(stored: Buffer, bytes: number): Promise<Buffer> {
  try {
    // One byte more than expected, so that the end is seen without a second buffer.
    return await inflate(stored, { chunkSize: Math.max(constants.Z_MIN_CHUNK, bytes + 1), maxOutputLength: bytes + 1 });
  } catch (cause) {
    throw new RangeError(`a gzip member cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}
