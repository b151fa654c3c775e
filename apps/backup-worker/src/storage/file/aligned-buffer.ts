import { Pool } from '../../artefact/pooled.js';

/** Memory of WebAssembly begins on a page: the only memory of JavaScript that direct I/O takes. */
declare const WebAssembly: { Memory: new (options: { initial: number }) => { readonly buffer: ArrayBuffer } };

const WASM_PAGE = 65_536;

/** Direct I/O wants offsets and lengths in multiples of this. */
export const ALIGNMENT = 4096;

/** What is read or written at once. */
export const ALIGNED_BYTES = 1024 * 1024;

/** One is filled while the other is on its way. */
export type AlignedPair = readonly [Buffer, Buffer];

/** Buffers for direct I/O, given from file to file: such memory is dear to make, and every run begins with some. */
export const alignedPairs = new Pool((): AlignedPair => [alignedBuffer(), alignedBuffer()]);

/** The same one by one. */
export const alignedBuffers = new Pool(alignedBuffer);

/** Whether a file system does no direct I/O, or not with such memory or at such a place. */
export function isRefused(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EINVAL';
}

function alignedBuffer(): Buffer {
  return Buffer.from(new WebAssembly.Memory({ initial: ALIGNED_BYTES / WASM_PAGE }).buffer);
}
