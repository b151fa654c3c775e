import type { ByteText } from '../files/byte-text.js';

/** Bytes of a name in a folder; 255 are the most. What is longer is spread over several folders. */
const PIECE = 200;

/** A folder that is only there because a name is too long. */
const GOES_ON = '%~';
/** A folder whose name an object has, too; and the name of an object that has none. */
const ALSO = '%';

/** The place of an object in a tree of files, and the folders that it is in, outermost first. */
export interface KeyPlace {
  path: ByteText;
  folders: ByteText[];
}

/**
 * Gives each key of a bucket a path of its own, that stays within the tree whatever the key is, and that the key can be
 * told from. Names are as they are, but for `%`, control characters, `.` and `..`, which are written as `%2E`.
 *
 * Keys must come sorted by their bytes: then an object comes before those below it, and no more is kept of the others than
 * those that the next may lie below.
 */
export class KeyPlaces {
  /** Keys that are the beginning of the one before, itself too. */
  #above: ByteText[] = [];

  /** @param key as bytes, without the prefix of the target and its slash */
  next(key: ByteText): KeyPlace {
    this.#above = this.#above.filter((each) => key.startsWith(each));
    const folders: ByteText[] = [];
    const names = key.split('/');
    let path = '.';
    let upTo = '';
    for (const [index, name] of names.entries()) {
      const pieces = piecesOf(encoded(name));
      const last = pieces.pop() ?? '';
      for (const piece of pieces) folders.push((path += `/${piece}${GOES_ON}`));
      upTo += name;
      if (index === names.length - 1) path += `/${last || ALSO}`;
      else folders.push((path += `/${last || ALSO}${this.#above.includes(upTo) ? ALSO : ''}`));
      upTo += '/';
    }
    this.#above.push(key);
    return { path, folders };
  }
}

function encoded(name: ByteText): ByteText {
  if (/^\.{1,2}$/.test(name)) return name.replaceAll('.', '%2E');
  // Bytes from 0x80 on are parts of letters.
  return name.replace(
    /%|[^ -~\x80-\xff]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

/** At least one; cut between letters that are written as `%2E`, and so at the same places for the same beginning. */
function piecesOf(name: ByteText): ByteText[] {
  const pieces: ByteText[] = [];
  let piece = '';
  for (const [unit] of name.matchAll(/%[0-9A-F]{2}|[^]/g)) {
    if (piece.length + unit.length > PIECE) {
      pieces.push(piece);
      piece = '';
    }
    piece += unit;
  }
  return [...pieces, piece];
}
