import { promisify } from 'node:util';
import { constants, gunzip, gzip, zstdCompress, zstdDecompress, type ZstdOptions } from 'node:zlib';
import { HozenError, type Compression } from '@hozen/contracts';
import { ISAL_LEVELS, loadIsal } from './isal.js';
import { loadLibdeflate, type Unpack } from './libdeflate.js';
import { loadZstd } from './libzstd.js';
import { owned, type Lent } from './pooled.js';

const deflate = promisify<Buffer, { level: number; chunkSize: number; memLevel: number }, Buffer>(gzip);
const inflate = promisify<Buffer, Limit, Buffer>(gunzip);
const zstd = promisify<Buffer, ZstdOptions & { pledgedSrcSize: number }, Buffer>(zstdCompress);
const unzstd = promisify<Buffer, Limit, Buffer>(zstdDecompress);

interface Limit {
  chunkSize: number;
  maxOutputLength: number;
}

/** Bytes of output that are asked for at a time: few round trips through the thread pool, little memory left over. */
const OUTPUT = 256 * 1024;

/** The system's own libraries, where they are installed; loaded when the first member is packed or read. */
const native = {
  isal: once(loadIsal),
  libdeflate: once(loadLibdeflate),
  zstd: once(loadZstd),
};

/**
 * Packs one member of an artefact: a gzip member or zstd frame of its own, so that each can be read alone. Runs in the
 * thread pool.
 * @throws HozenError COMPRESSION_FAILED
 */
export async function packMember(raw: Buffer, compression: Compression, level: number): Promise<Lent> {
  try {
    switch (compression) {
      case 'none':
        return owned(raw);
      case 'gzip':
        return await packGzip(raw, level);
      case 'zstd':
        return await packZstd(raw, level);
      default:
        return compression satisfies never;
    }
  } catch (cause) {
    throw new HozenError('COMPRESSION_FAILED', {}, { cause, detail: cause instanceof Error ? cause.message : '' });
  }
}

async function packGzip(raw: Buffer, level: number): Promise<Lent> {
  const isal = level <= ISAL_LEVELS ? await native.isal() : undefined;
  return isal ? isal(raw, level) : owned(await deflate(raw, { level, chunkSize: OUTPUT, memLevel: 9 }));
}

async function packZstd(raw: Buffer, level: number): Promise<Lent> {
  const library = await native.zstd();
  if (library) return library.pack(raw, level);
  const params = { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 };
  return owned(await zstd(raw, { params, chunkSize: OUTPUT, pledgedSrcSize: raw.length }));
}

/**
 * Unpacks one member that must come to exactly `into`. One that would grow beyond that is refused before it takes the
 * memory.
 * @throws RangeError with what is wrong with the member.
 */
export async function unpackMember(stored: Buffer, compression: Compression, into: Buffer): Promise<void> {
  const unpack = await unpackerOf(compression);
  if (unpack) {
    await asDamage(compression, () => unpack(stored, into));
    return;
  }
  // One byte more than expected, so that the end is seen without a second buffer.
  const raw = await unpackAtMost(stored, compression, into.length + 1, into.length + constants.Z_MIN_CHUNK);
  if (raw.length !== into.length) throw new RangeError(`a member holds ${raw.length} bytes instead of ${into.length}`);
  raw.copy(into);
}

/**
 * Unpacks one member of unknown length, up to `limit` bytes.
 * @throws RangeError with what is wrong with the member.
 */
export function unpackAtMost(
  stored: Buffer,
  compression: Compression,
  limit: number,
  chunkSize = OUTPUT,
): Promise<Buffer> {
  const options = { chunkSize, maxOutputLength: limit };
  return asDamage(compression, async () => {
    switch (compression) {
      case 'none':
        return stored;
      case 'gzip':
        return inflate(stored, options);
      case 'zstd':
        return unzstd(stored, options);
      default:
        return compression satisfies never;
    }
  });
}

async function unpackerOf(compression: Compression): Promise<Unpack | undefined> {
  if (compression === 'gzip') return native.libdeflate();
  return compression === 'zstd' ? (await native.zstd())?.unpack : undefined;
}

async function asDamage<T>(compression: Compression, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new RangeError(`a ${compression} member cannot be read: ${message}`, { cause });
  }
}

function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | undefined;
  return () => (loaded ??= load());
}
