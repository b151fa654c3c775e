import type { BigIntStats } from 'node:fs';
import type { ListedEntry } from '../methods/files/listing.js';
import type { NotSet } from '../restore/files/unpack-tree.js';

/** Bits that only an owner who is in the group may set. */
const OWN_BITS = 0o6000;
/** A device is its major and its minor number (glibc, gnu_dev_makedev). */
const majorOf = (device: bigint) => Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n));
const minorOf = (device: bigint) => Number((device & 0xffn) | ((device >> 12n) & 0xffffff00n));

/** Everything about a path that can be compared, in one line. */
export function aboutOf(facts: BigIntStats, notSet: NotSet): string {
  const isDevice = facts.isCharacterDevice() || facts.isBlockDevice();
  return about(
    {
      mode: Number(facts.mode & 0o7777n),
      uid: Number(facts.uid),
      gid: Number(facts.gid),
      mtime: facts.mtimeNs,
      ...(facts.isFile() ? { size: Number(facts.size) } : {}),
      ...(isDevice ? { device: [majorOf(facts.rdev), minorOf(facts.rdev)] } : {}),
    },
    facts.isSymbolicLink(),
    notSet,
  );
}

/** The same, as a listing has it. */
export function aboutListed(entry: ListedEntry, notSet: NotSet): string {
  return about(entry, entry.type === 'link', notSet);
}

function about(
  { mode, uid, gid, mtime, size, device }: Pick<ListedEntry, 'mode' | 'uid' | 'gid' | 'mtime' | 'size' | 'device'>,
  isLink: boolean,
  notSet: NotSet,
): string {
  return [
    // Of a link it means nothing.
    ...(isLink ? [] : [`mode ${(notSet.owners ? mode & ~OWN_BITS : mode).toString(8)}`]),
    ...(notSet.owners ? [] : [`owner ${uid}:${gid}`]),
    `time ${mtime}`,
    ...(size === undefined ? [] : [`${size} bytes`]),
    ...(device === undefined ? [] : [`device ${device.join(',')}`]),
  ].join(', ');
}
