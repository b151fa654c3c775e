import type { ArtefactIndex } from './artefact-index.js';
import { entryBytes, readTarHeader, TAR_BLOCK, writeTarHeader, type TarEntry } from './tar.js';

export const INDEX_ENTRY = 'index.json';

/** What a file of SQL ends with. */
const SQL_END = '-- The backup ends here\n';
const SQL_INDEX = '-- hozen-index ';

/** How parts of streams stand in an artefact, before they are packed: with a head each, or one after the other as they are. */
export interface Framing {
  /** Bytes of a part with all around it. */
  bytes(content: number): number;
  /** Where the content of a part lies in it. */
  start: number;
  /** @throws RangeError with what is wrong with the head */
  check(raw: Buffer, expected: TarEntry): void;
  /** The last member. */
  index(index: ArtefactIndex, modifiedAt: Date): Buffer;
  /** @returns its JSON. @throws RangeError where it is none */
  readIndex(raw: Buffer): string;
}

const TAR: Framing = {
  bytes: entryBytes,
  start: TAR_BLOCK,
  check(raw, expected) {
    const { name, size } = readTarHeader(raw);
    if (name !== expected.name) throw new RangeError(`the tar entry is called ${name}`);
    if (size !== expected.size) throw new RangeError(`the tar entry has ${size} bytes instead of ${expected.size}`);
  },
  /** With the two empty blocks that end a tar file. */
  index(index, modifiedAt) {
    const content = Buffer.from(JSON.stringify(index));
    const member = Buffer.alloc(entryBytes(content.length) + 2 * TAR_BLOCK);
    writeTarHeader(member, { name: INDEX_ENTRY, size: content.length, mode: 0o600, modifiedAt });
    content.copy(member, TAR_BLOCK);
    return member;
  },
  readIndex(raw) {
    const { name, size } = readTarHeader(raw);
    if (name !== INDEX_ENTRY || raw.length !== entryBytes(size) + 2 * TAR_BLOCK) throw new RangeError('not the index');
    return raw.toString('utf8', TAR_BLOCK, TAR_BLOCK + size);
  },
};

const SQL: Framing = {
  bytes: (content) => content,
  start: 0,
  check: () => undefined,
  /** A comment, of nothing but ASCII: the last database may have any encoding. */
  index(index) {
    const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
    return Buffer.from(`${SQL_INDEX}${JSON.stringify(index).replace(/[^ -~]/g, escaped)}\n${SQL_END}`, 'latin1');
  },
  readIndex(raw) {
    const text = raw.toString('latin1');
    if (!text.startsWith(SQL_INDEX) || !text.endsWith(`\n${SQL_END}`)) throw new RangeError('not the index');
    return text.slice(SQL_INDEX.length, -SQL_END.length);
  },
};

/** @param isSql whether the file is SQL, and no tar archive */
export function framingOf(isSql: boolean): Framing {
  return isSql ? SQL : TAR;
}
