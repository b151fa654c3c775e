/** Tar works in blocks of this many bytes. */
export const TAR_BLOCK = 512;

const NAME_BYTES = 100;
const CHECKSUM = { offset: 148, bytes: 8 };

export interface TarEntry {
  name: string;
  /** Bytes of content. */
  size: number;
}

/** Bytes of zero that follow `size` bytes of content up to the next block. */
export function paddingOf(size: number): number {
  return (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK;
}

/** Bytes of a whole entry: header, content and padding. */
export function entryBytes(size: number): number {
  return TAR_BLOCK + size + paddingOf(size);
}

/** Whether a name fits into a header. */
export function isTarName(name: string): boolean {
  return name !== '' && Buffer.byteLength(name) <= NAME_BYTES && !name.includes('\0');
}

const TYPES = { file: '0', folder: '5', records: 'x' } as const;

/** Writes a POSIX ustar header of a plain file, a folder, or pax records, over the first block of `block`. */
export function writeTarHeader(
  block: Buffer,
  entry: TarEntry & { mode: number; modifiedAt: Date; type?: keyof typeof TYPES; uid?: number; gid?: number },
): void {
  if (!isTarName(entry.name)) throw new RangeError(`not a name for a tar entry: ${entry.name}`);
  block.fill(0, 0, TAR_BLOCK);
  block.write(entry.name, 0, NAME_BYTES, 'utf8');
  writeOctal(block, 100, 8, entry.mode);
  writeOctal(block, 108, 8, entry.uid ?? 0);
  writeOctal(block, 116, 8, entry.gid ?? 0);
  writeOctal(block, 124, 12, entry.size);
  writeOctal(block, 136, 12, Math.floor(entry.modifiedAt.getTime() / 1000));
  block.write(TYPES[entry.type ?? 'file'], 156, 'ascii');
  block.write('ustar\u000000', 257, 'ascii');
  writeChecksum(block);
}

/** @throws RangeError with what is wrong with the header. */
export function readTarHeader(block: Buffer): TarEntry {
  checkTarHeader(block);
  const end = block.subarray(0, NAME_BYTES).indexOf(0);
  return { name: block.toString('utf8', 0, end < 0 ? NAME_BYTES : end), size: readOctal(block, 124, 12) };
}

/** @throws RangeError unless it is a header, and whole */
export function checkTarHeader(block: Buffer): void {
  if (block.length < TAR_BLOCK) throw new RangeError('cut off within a tar header');
  if (block.toString('ascii', 257, 262) !== 'ustar') throw new RangeError('not a tar header');
  if (checksumOf(block) !== readOctal(block, CHECKSUM.offset, CHECKSUM.bytes)) {
    throw new RangeError('the checksum of a tar header is wrong');
  }
}

/** Changes name and size in a header that stands in `block`. */
export function renameTarEntry(block: Buffer, { name, size }: TarEntry): void {
  if (!isTarName(name)) throw new RangeError(`not a name for a tar entry: ${name}`);
  block.fill(0, 0, NAME_BYTES);
  block.write(name, 0, NAME_BYTES, 'utf8');
  writeOctal(block, 124, 12, size);
  writeChecksum(block);
}

function writeOctal(block: Buffer, offset: number, bytes: number, value: number): void {
  block.write(`${value.toString(8).padStart(bytes - 1, '0')}\0`, offset, bytes, 'ascii');
}

function readOctal(block: Buffer, offset: number, bytes: number): number {
  const text = block.toString('latin1', offset, offset + bytes).replace(/[\0 ]+$/, '');
  if (!/^[0-7]+$/.test(text)) throw new RangeError('a tar header holds a number that is none');
  return Number.parseInt(text, 8);
}

function writeChecksum(block: Buffer): void {
  const sum = checksumOf(block);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, CHECKSUM.offset, CHECKSUM.bytes, 'ascii');
}

/** The checksum counts its own field as spaces. */
function checksumOf(block: Buffer): number {
  let sum = 0;
  for (let i = 0; i < TAR_BLOCK; i++) {
    const own = i >= CHECKSUM.offset && i < CHECKSUM.offset + CHECKSUM.bytes;
    sum += own ? 0x20 : (block[i] ?? 0);
  }
  return sum;
}
