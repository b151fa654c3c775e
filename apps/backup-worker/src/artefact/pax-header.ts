import { entryBytes, isTarName, TAR_BLOCK, writeTarHeader } from './tar.js';

export interface PaxEntry {
  /** As bytes (latin1). */
  path: string;
  type: 'file' | 'folder';
  size: number;
  mode: number;
  uid: number;
  gid: number;
  /** Milliseconds since 1970. */
  modifiedAt: number;
}

/** What the fields of a header hold at most; records before it hold the rest. */
const MOST_SIZE = 0o77_777_777_777;
const MOST_ID = 0o7_777_777;

/** The header of an entry as POSIX has it (pax): any name, any size, times in milliseconds. */
export function paxHeader(entry: PaxEntry): Buffer {
  const { path, size, uid, gid, modifiedAt } = entry;
  const isPlain = isTarName(path) && /^[\x20-\x7e]+$/.test(path);
  const records = [
    ...(isPlain ? [] : [record('path', path)]),
    ...(size > MOST_SIZE ? [record('size', String(size))] : []),
    ...(uid > MOST_ID ? [record('uid', String(uid))] : []),
    ...(gid > MOST_ID ? [record('gid', String(gid))] : []),
    ...(modifiedAt % 1000 === 0 && modifiedAt >= 0 ? [] : [record('mtime', (modifiedAt / 1000).toFixed(3))]),
  ].join('');
  const header = Buffer.alloc(TAR_BLOCK);
  writeTarHeader(header, {
    ...entry,
    name: isPlain ? path : './pax',
    size: Math.min(size, MOST_SIZE),
    modifiedAt: new Date(Math.max(0, modifiedAt)),
    uid: Math.min(uid, MOST_ID),
    gid: Math.min(gid, MOST_ID),
  });
  if (records === '') return header;
  const before = Buffer.alloc(entryBytes(records.length));
  const modified = new Date(0);
  writeTarHeader(before, { name: './pax', size: records.length, mode: 0o600, modifiedAt: modified, type: 'records' });
  before.write(records, TAR_BLOCK, 'latin1');
  return Buffer.concat([before, header]);
}

/** Its length counts its own digits. */
function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return `${length}${rest}`;
}
