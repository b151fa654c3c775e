import { createHash } from 'node:crypto';

/** Leaves room in the 255 bytes of a file name for the time, the suffixes and the marks of a partial file. */
const MAX_BYTES = 120;
const HASH = 12;

/**
 * A config's name as part of a file name: letters, digits, `.`, `_` and `-` only, so that it can neither leave its
 * folder nor surprise a shell. Where that changed anything a hash of the whole name is appended, so that two configs
 * never share files; names that look as if they had one get one too.
 */
export function safeName(name: string): string {
  const safe = cutToBytes(name.normalize('NFC').replace(/[^\p{L}\p{M}\p{N}._-]/gu, '_'), MAX_BYTES);
  if (safe === name && !new RegExp(`-[0-9a-f]{${HASH}}$`).test(name)) return safe;
  return `${safe}-${createHash('sha256').update(name).digest('hex').slice(0, HASH)}`;
}

function cutToBytes(text: string, bytes: number): string {
  let cut = '';
  let used = 0;
  for (const letter of text) {
    used += Buffer.byteLength(letter);
    if (used > bytes) break;
    cut += letter;
  }
  return cut;
}
