/** Where the bytes of an artefact come from. */
export interface ByteSource extends AsyncDisposable {
  readonly size: number;
  /** Bytes that are best read at one time. */
  readonly piece: number;
  /** Fills the buffer from `offset` on. @returns the bytes read: fewer only where the source ends */
  readInto(buffer: Buffer, offset: number): Promise<number>;
}

/** @throws RangeError when the source ends before */
export async function readExactly(source: ByteSource, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  if ((await source.readInto(bytes, offset)) < length) throw new RangeError('cut off');
  return bytes;
}
