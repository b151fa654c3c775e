import { loadLibrary, type Native, type NativeLibrary } from './native-libraries.js';
import { Pool, type Lent } from './pooled.js';

/** Levels of ISA-L that are worth it; slower ones are zlib's. */
export const ISAL_LEVELS = 3;
/** `struct isal_zstream` of igzip_lib.h: 82,384 bytes in version 2.30, of which its users only know the beginning. */
const STREAM_BYTES = 128 * 1024;
const FIELD = {
  nextIn: 0,
  availableIn: 8,
  nextOut: 16,
  availableOut: 24,
  totalOut: 28,
  level: 40,
  levelBufferBytes: 44,
  levelBuffer: 48,
  endOfStream: 56,
  gzip: 60,
} as const;
/** ISAL_DEF_LVL3_DEFAULT; lower levels take less. */
const LEVEL_BUFFER_BYTES = 348_160;
const IGZIP_GZIP = 1;
/** For what grows instead of shrinking: stored blocks and the ends of a gzip member. */
const GROWTH = 64 * 1024;

/** Packs one gzip member. @param level 1 to 3 */
export type PackGzip = (raw: Buffer, level: number) => Promise<Lent>;

/**
 * Intel's ISA-L: three to five times as fast as zlib at its level 1, and smaller. What it wrote is read by another
 * implementation, so that one proves the other.
 */
export async function loadIsal(): Promise<PackGzip | undefined> {
  const library = await loadLibrary('libisal.so.2', 'libisal2');
  if (!library) return undefined;
  const init = library.call('void isal_deflate_stateless_init(void *stream)');
  const deflate = library.threaded('int isal_deflate_stateless(void *stream)');
  const contexts = new Pool(() => new Context(library, init, deflate));
  return async (raw, level) => {
    const context = contexts.take();
    try {
      return { bytes: await context.pack(raw, level), free: () => contexts.give(context) };
    } catch (error) {
      contexts.give(context);
      throw error;
    }
  };
}

class Context {
  readonly #stream = Buffer.alloc(STREAM_BYTES);
  readonly #levelBuffer = Buffer.alloc(LEVEL_BUFFER_BYTES);
  #out = Buffer.alloc(0);

  constructor(
    private readonly library: NativeLibrary,
    private readonly init: (stream: Buffer) => void,
    private readonly deflate: Native,
  ) {}

  async pack(raw: Buffer, level: number): Promise<Buffer> {
    const stream = this.#stream;
    if (this.#out.length < raw.length + GROWTH) this.#out = Buffer.allocUnsafeSlow(raw.length + GROWTH);
    this.init(stream);
    stream.writeBigUInt64LE(this.library.address(raw), FIELD.nextIn);
    stream.writeUInt32LE(raw.length, FIELD.availableIn);
    stream.writeBigUInt64LE(this.library.address(this.#out), FIELD.nextOut);
    stream.writeUInt32LE(this.#out.length, FIELD.availableOut);
    stream.writeUInt32LE(level, FIELD.level);
    stream.writeUInt32LE(LEVEL_BUFFER_BYTES, FIELD.levelBufferBytes);
    stream.writeBigUInt64LE(this.library.address(this.#levelBuffer), FIELD.levelBuffer);
    stream.writeUInt16LE(1, FIELD.endOfStream);
    stream.writeUInt16LE(IGZIP_GZIP, FIELD.gzip);
    const result = await this.deflate(stream);
    if (result !== 0) throw new Error(`isal_deflate_stateless: ${result}`);
    // `raw` is named here so that it lives until the library is done with it.
    if (stream.readUInt32LE(FIELD.availableIn) !== 0) throw new Error(`${raw.length} bytes were not packed whole`);
    return this.#out.subarray(0, stream.readUInt32LE(FIELD.totalOut));
  }
}
