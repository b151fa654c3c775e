/** Memory of WebAssembly begins on a page: the only memory of JavaScript that direct I/O takes. */
declare const WebAssembly: { Memory: new (options: { initial: number }) => { readonly buffer: ArrayBuffer } };

const WASM_PAGE = 65_536;

/** Direct I/O wants offsets and lengths in multiples of this. */
export const ALIGNMENT = 4096;

/** A buffer for direct I/O. `bytes` is rounded up to 64 KiB. */
export function alignedBuffer(bytes: number): Buffer {
  return Buffer.from(new WebAssembly.Memory({ initial: Math.ceil(bytes / WASM_PAGE) }).buffer);
}
