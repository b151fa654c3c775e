import { createHash } from 'node:crypto';
import { TAR_BLOCK } from '../artefact/tar.js';

export type PaxType = 'file' | 'hard-link' | 'link' | 'char' | 'block' | 'folder' | 'fifo';

export interface PaxMember {
  /** As bytes (latin1), without a slash at its end. */
  path: string;
  type: PaxType;
  /** Bytes of content, holes and all. */
  size: number;
  /** Bytes of content in the archive, the map of a sparse file too. */
  storedBytes: number;
  isSparse: boolean;
  /** Permission bits. */
  mode: number;
  uid: number;
  gid: number;
  /** Nanoseconds since 1970. */
  modifiedAt: bigint;
  /** Of a link of both kinds, as bytes (latin1). */
  target: string;
  device: [major: number, minor: number];
  /** Undefined where it has none. */
  attributes?: FileAttributes;
}

/** SHA-256 of what is set besides the mode; absent where nothing is. */
export interface FileAttributes {
  /** The access control lists. */
  acl?: string;
  /** Extended attributes that the owner may set. */
  user?: string;
  /** Those that only root may set, and which belong to the file and not to the policies of a machine. */
  trusted?: string;
}

export type PaxRecords = Map<string, string>;

const TYPES: Readonly<Record<string, PaxType>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'hard-link',
  '2': 'link',
  '3': 'char',
  '4': 'block',
  '5': 'folder',
  '6': 'fifo',
};
const META = 'xgLK';

/**
 * What a header and the records before it say.
 * @throws RangeError for what GNU tar does not write
 */
export function paxMember(block: Buffer, records: PaxRecords): PaxMember {
  const flag = block.toString('latin1', 156, 157);
  const type = META.includes(flag) ? 'file' : TYPES[flag];
  if (!type) throw new RangeError(`a tar entry of the unknown type ${flag}`);
  const number = (key: string, offset: number, bytes: number) => {
    const value = records.get(key);
    return value === undefined ? numberAt(block, offset, bytes) : decimal(value);
  };
  const isSparse = records.has('GNU.sparse.major');
  if (isSparse && (records.get('GNU.sparse.major') !== '1' || records.get('GNU.sparse.minor') !== '0')) {
    throw new RangeError('a sparse file of another format than 1.0');
  }
  const storedBytes = number('size', 124, 12);
  const hasContent = type === 'file';
  const attributes = attributesIn(records);
  const path = records.get('GNU.sparse.name') ?? records.get('path') ?? nameAt(block);
  const modified = records.get('mtime');
  return {
    path: path.replace(/(?!^)\/+$/, ''),
    type,
    size: hasContent ? decimal(records.get('GNU.sparse.realsize') ?? String(storedBytes)) : 0,
    storedBytes: hasContent ? storedBytes : 0,
    isSparse,
    mode: numberAt(block, 100, 8) & 0o7777,
    uid: number('uid', 108, 8),
    gid: number('gid', 116, 8),
    modifiedAt: modified === undefined ? BigInt(numberAt(block, 136, 12)) * 1_000_000_000n : nanoseconds(modified),
    target: records.get('linkpath') ?? textAt(block, 157, 100),
    device: type === 'char' || type === 'block' ? [numberAt(block, 329, 8), numberAt(block, 337, 8)] : [0, 0],
    ...(attributes ? { attributes } : {}),
  };
}

const ATTRIBUTES: Readonly<Record<keyof FileAttributes, RegExp>> = {
  acl: /^SCHILY\.acl\./,
  user: /^SCHILY\.xattr\.user\./,
  trusted: /^SCHILY\.xattr\.(?:trusted\.|security\.capability$)/,
};

function attributesIn(records: PaxRecords): FileAttributes | undefined {
  const found: FileAttributes = {};
  for (const [kind, keys] of Object.entries(ATTRIBUTES) as [keyof FileAttributes, RegExp][]) {
    const set = [...records].filter(([key]) => keys.test(key)).toSorted(([one], [other]) => (one < other ? -1 : 1));
    if (set.length === 0) continue;
    const text = set.map(([key, value]) => `${key.length} ${key}${value.length} ${value}`).join('');
    found[kind] = createHash('sha256').update(text, 'latin1').digest('hex');
  }
  return Object.keys(found).length > 0 ? found : undefined;
}

/** The records of a pax header: `LENGTH KEY=VALUE` and a line feed each, where values may hold anything. */
export function parsePax(bytes: Buffer): PaxRecords {
  const text = bytes.toString('latin1');
  const records: PaxRecords = new Map();
  for (let at = 0; at < text.length;) {
    const [head = '', length = ''] = /^(\d{1,10}) /.exec(text.slice(at, at + 12)) ?? [];
    const end = at + Number(length);
    const equals = text.indexOf('=', at + head.length);
    if (head === '' || end > text.length || text[end - 1] !== '\n' || equals < 0 || equals >= end) {
      throw new RangeError('a pax header is damaged');
    }
    records.set(text.slice(at + head.length, equals), text.slice(equals + 1, end - 1));
    at = end;
  }
  return records;
}

/** `-1.5` is one and a half seconds before 1970. */
function nanoseconds(text: string): bigint {
  const [, sign = '', seconds = '', fraction = ''] = /^(-?)(\d{1,15})(?:\.(\d{1,9}))?\d*$/.exec(text) ?? [];
  if (seconds === '') throw new RangeError('a pax header holds a time that is none');
  const value = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
  return sign === '-' ? -value : value;
}

function decimal(text: string): number {
  if (!/^\d{1,16}$/.test(text)) throw new RangeError('a pax header holds a number that is none');
  return Number(text);
}

/** Octal; or GNU's base 256, where the first bit is set. */
function numberAt(block: Buffer, offset: number, bytes: number): number {
  const field = block.subarray(offset, offset + bytes);
  if (((field[0] ?? 0) & 0x80) === 0) {
    const text = field.toString('latin1').replace(/[\0 ]+$/, '');
    if (!/^[0-7 ]*$/.test(text)) throw new RangeError('a tar header holds a number that is none');
    return Number.parseInt(text.trim() || '0', 8);
  }
  const value = BigInt.asIntN(bytes * 8 - 1, BigInt(`0x${field.toString('hex')}`));
  return Number(value);
}

function nameAt(block: Buffer): string {
  if (block.length < TAR_BLOCK) throw new RangeError('cut off within a tar header');
  // GNU's own format has other things where POSIX has a prefix.
  const prefix = block.toString('latin1', 257, 263) === 'ustar\0' ? textAt(block, 345, 155) : '';
  const name = textAt(block, 0, 100);
  return prefix === '' ? name : `${prefix}/${name}`;
}

function textAt(block: Buffer, offset: number, bytes: number): string {
  const text = block.toString('latin1', offset, offset + bytes);
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}
