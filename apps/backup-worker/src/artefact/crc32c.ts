import { loadLibrary } from './native-libraries.js';

/** Continues a CRC-32C (Castagnoli), as PostgreSQL uses it. Begin with 0. */
export type Crc32c = (bytes: Buffer, crc: number) => number;

/** Fewer bytes are summed here before the library is reached. */
const WORTH_A_CALL = 256;

let loading: Promise<Crc32c> | undefined;

/** ISA-L's, at the speed of memory; our own where it is not installed. */
export function loadCrc32c(): Promise<Crc32c> {
  return (loading ??= load());
}

async function load(): Promise<Crc32c> {
  const library = await loadLibrary('libisal.so.2', 'libisal2');
  if (!library) return ownCrc32c;
  const native = library.call('unsigned int crc32_iscsi(void *buffer, int length, unsigned int start)');
  // The library leaves both inversions to its callers.
  return (bytes, crc) =>
    bytes.length < WORTH_A_CALL ? ownCrc32c(bytes, crc) : (Number(native(bytes, bytes.length, ~crc >>> 0)) ^ -1) >>> 0;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc >>> 0;
});

export function ownCrc32c(bytes: Buffer, crc: number): number {
  let register = ~crc;
  for (let at = 0; at < bytes.length; at++) {
    register = (register >>> 8) ^ (TABLE[(register ^ (bytes[at] ?? 0)) & 0xff] ?? 0);
  }
  return ~register >>> 0;
}

/** The text in a backup_manifest: the bytes of the number, lowest first. */
export function crc32cText(crc: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(crc);
  return bytes.toString('hex');
}
