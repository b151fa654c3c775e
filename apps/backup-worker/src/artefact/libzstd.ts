import { loadLibrary } from './native-libraries.js';
import type { Unpack } from './libdeflate.js';
import { Pool, type Lent } from './pooled.js';

/** ZSTD_cParameter of zstd.h. */
const PARAMETER = { compressionLevel: 100, checksumFlag: 201 } as const;

/** ZSTD_ResetDirective of zstd.h. */
const RESET_SESSION = 1;

export interface Zstd {
  /** Packs one frame with its checksum and its size. */
  pack(raw: Buffer, level: number): Promise<Lent>;
  unpack: Unpack;
}

/** libzstd itself instead of Node's, which takes new memory for every frame. */
export async function loadZstd(): Promise<Zstd | undefined> {
  const library = await loadLibrary('libzstd.so.1', 'libzstd1');
  if (!library) return undefined;
  const createCompressor = library.call('void *ZSTD_createCCtx()') as () => bigint;
  const createDecompressor = library.call('void *ZSTD_createDCtx()') as () => bigint;
  const set = library.call('size_t ZSTD_CCtx_setParameter(void *c, int parameter, int value)') as (
    context: bigint,
    parameter: number,
    value: number,
  ) => number;
  const reset = library.call('size_t ZSTD_CCtx_reset(void *c, int directive)') as (
    context: bigint,
    directive: number,
  ) => number;
  const bound = library.call('size_t ZSTD_compressBound(size_t n)') as (bytes: number) => number;
  const isError = library.call('unsigned int ZSTD_isError(size_t code)') as (code: number) => number;
  const nameOf = library.call('const char *ZSTD_getErrorName(size_t code)') as (code: number) => string;
  const compress = library.threaded('size_t ZSTD_compress2(void *c, void *out, size_t room, const void *in, size_t n)');
  const decompress = library.threaded(
    'size_t ZSTD_decompressDCtx(void *d, void *out, size_t room, const void *in, size_t n)',
  );
  const checked = (code: number): number => {
    if (isError(code) !== 0) throw new Error(nameOf(code));
    return code;
  };
  const compressors = new Pool(() => ({ context: createCompressor(), out: Buffer.alloc(0) }));
  const decompressors = new Pool(createDecompressor);
  return {
    async pack(raw, level) {
      const lent = compressors.take();
      try {
        const room = bound(raw.length);
        if (lent.out.length < room) lent.out = Buffer.allocUnsafeSlow(room);
        // It refuses parameters after a frame otherwise.
        checked(reset(lent.context, RESET_SESSION));
        checked(set(lent.context, PARAMETER.compressionLevel, level));
        checked(set(lent.context, PARAMETER.checksumFlag, 1));
        const bytes = checked(await compress(lent.context, lent.out, lent.out.length, raw, raw.length));
        return { bytes: lent.out.subarray(0, bytes), free: () => compressors.give(lent) };
      } catch (error) {
        compressors.give(lent);
        throw error;
      }
    },
    async unpack(stored, into) {
      const context = decompressors.take();
      try {
        const bytes = checked(await decompress(context, into, into.length, stored, stored.length));
        if (bytes !== into.length) throw new Error('it is too short');
      } finally {
        decompressors.give(context);
      }
    },
  };
}
