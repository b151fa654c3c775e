/** PostgreSQL's limit, and the most that cutting at a character boundary takes off. */
const LONGEST_NAME_BYTES = 63;
const WIDEST_CHARACTER_BYTES = 4;

/**
 * Whether `candidate` is a name that REINDEX CONCURRENTLY gives to its new (`_ccnew`) or old (`_ccold`) copy of `index`:
 * the index's name, cut where the whole would be too long, and a number where the name was taken.
 */
export function isLeftoverName(candidate: string, index: string): boolean {
  const base = /^(.*)_cc(?:new|old)\d*$/s.exec(candidate)?.[1];
  if (base === undefined || base === '' || !index.startsWith(base)) return false;
  return base === index || Buffer.byteLength(candidate) > LONGEST_NAME_BYTES - WIDEST_CHARACTER_BYTES;
}
