import {
  createCipheriv,
  createDecipheriv,
  type CipherChaCha20Poly1305,
  type DecipherChaCha20Poly1305,
} from 'node:crypto';
import { derive } from './age-header.js';

/** The payload of an age file is cut into chunks of so many bytes; only the last one may be shorter. */
export const CHUNK = 64 * 1024;
export const TAG = 16;
export const SEALED_CHUNK = CHUNK + TAG;
/** Stands before the payload. */
export const PAYLOAD_NONCE = 16;
const CIPHER = 'chacha20-poly1305';
const OPTIONS = { authTagLength: TAG };

/** The key of the payload; `nonce` is what stands before it. */
export function payloadKey(fileKey: Buffer, nonce: Buffer): Buffer {
  return derive(fileKey, nonce, 'payload');
}

export function sealer(key: Buffer, chunk: number, isLast: boolean): CipherChaCha20Poly1305 {
  return createCipheriv(CIPHER, key, nonceOf(chunk, isLast), OPTIONS);
}

/**
 * Opens one sealed chunk.
 * @throws RangeError when it is not the chunk that was sealed at this place: changed, moved, or last where it was not
 */
export function openChunk(key: Buffer, sealed: Buffer, chunk: number, isLast: boolean): Buffer {
  const decipher: DecipherChaCha20Poly1305 = createDecipheriv(CIPHER, key, nonceOf(chunk, isLast), OPTIONS);
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG));
  const plain = decipher.update(sealed.subarray(0, sealed.length - TAG));
  try {
    decipher.final();
  } catch (cause) {
    throw new RangeError(`chunk ${chunk + 1} of the encrypted file is damaged, moved or cut off`, { cause });
  }
  return plain;
}

/** Eleven bytes of counter, and a mark on the last one: without it a file cut between chunks would look whole. */
function nonceOf(chunk: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(chunk, 5, 6);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}
