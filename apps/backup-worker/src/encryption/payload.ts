import type { ByteSource } from '../artefact/byte-source.js';
import { checkMac, LARGEST_HEADER, parseHeader } from './age-header.js';
import { CHUNK, PAYLOAD_NONCE, payloadKey, SEALED_CHUNK, TAG } from './chunks.js';
import type { FindFileKey } from './file-key.js';

/** Where the encrypted bytes of an age file lie, and how they are read. */
export interface Payload {
  key: Buffer;
  /** Of the first chunk in the file. */
  offset: number;
  chunks: number;
  /** Decrypted. */
  bytes: number;
}

/**
 * Reads the header of an age file and finds the key of what follows.
 * @throws RangeError where the file is damaged; what `find` throws
 */
export async function openPayload(source: ByteSource, find: FindFileKey): Promise<Payload> {
  const beginning = Buffer.allocUnsafe(Math.min(source.size, LARGEST_HEADER + PAYLOAD_NONCE));
  const read = await source.readInto(beginning, 0);
  const header = parseHeader(beginning.subarray(0, read));
  const fileKey = await find(header);
  checkMac(header, fileKey);
  const offset = header.length + PAYLOAD_NONCE;
  const sealed = source.size - offset;
  const chunks = Math.ceil(sealed / SEALED_CHUNK);
  const bytes = sealed - chunks * TAG;
  // A last chunk of nothing is only there when nothing else is.
  if (sealed < TAG || (chunks > 1 && bytes <= (chunks - 1) * CHUNK)) throw new RangeError('the age file is cut off');
  return { key: payloadKey(fileKey, beginning.subarray(header.length, offset)), offset, chunks, bytes };
}
