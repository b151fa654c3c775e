import { createHash, type Hash } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import type { PaxMember } from '../../pipeline/pax-member.js';
import type { PaxTaker } from '../../pipeline/pax-reader.js';
import { fullPath, type ByteText } from './byte-text.js';
import { isInside, type ListedEntry } from './listing.js';
import type { PlannedEntry } from './plan-increment.js';

/** Files that are looked at again at one time. */
const LOOKS = 32;

/** Follows the archive that tar makes of a tree: what it says of each path is what is restored, and so what is listed. */
export class StoredMembers implements PaxTaker {
  readonly changed: ByteText[] = [];
  /** Bytes of the content of all files. */
  bytes = 0;
  #next = 0;
  #hash: Hash | undefined;
  #current: PlannedEntry | undefined;
  #groups = 0;
  readonly #looking = new Set<Promise<void>>();

  /**
   * @param wanted in the order in which tar was told of them; it leaves out what it cannot read
   * @param isSettled whether a later change would have another time (ctime) than this one
   */
  constructor(
    private readonly root: string,
    private readonly wanted: readonly PlannedEntry[],
    private readonly isSettled: (ctime: bigint) => boolean,
  ) {}

  member(member: PaxMember): void {
    const entry = this.#entryOf(member);
    const { found } = entry;
    entry.stored = {
      path: member.path,
      ...(member.type === 'hard-link' ? this.#linkedTo(member.target) : factsOf(member)),
      mode: member.mode,
      uid: member.uid,
      gid: member.gid,
      mtime: member.modifiedAt,
      inode: found.inode,
      ...(member.attributes ? { attributes: member.attributes } : {}),
      ...(this.isSettled(found.ctime) ? { ctime: found.ctime } : {}),
    };
    this.#current = entry;
    this.#hash = member.type === 'file' ? createHash('sha256') : undefined;
  }

  content(bytes: Buffer): void {
    this.bytes += bytes.length;
    this.#hash?.update(bytes);
  }

  memberEnd(): Promise<void> | undefined {
    const entry = this.#current;
    if (!this.#hash || !entry?.stored) return undefined;
    entry.stored.sha256 = this.#hash.digest('hex');
    const look = this.#lookAgain(entry).finally(() => this.#looking.delete(look));
    this.#looking.add(look);
    return this.#looking.size < LOOKS ? undefined : Promise.race(this.#looking);
  }

  /** Waits until every file was looked at again. */
  async end(): Promise<void> {
    await Promise.all(this.#looking);
  }

  #entryOf({ path }: PaxMember): PlannedEntry {
    if (!isInside(path)) throw new RangeError('tar wrote a path that leads elsewhere');
    while (this.#next < this.wanted.length && this.wanted[this.#next]?.found.path !== path) this.#next++;
    const entry = this.wanted[this.#next++];
    if (!entry) throw new RangeError('tar wrote a path that it was not told of');
    return entry;
  }

  /** The name under which it stands in the archive already. */
  #linkedTo(target: ByteText): Pick<ListedEntry, 'type' | 'size' | 'target' | 'group' | 'sha256'> {
    const first = this.#storedAs(target);
    if (!first) throw new RangeError('tar linked a path to one that it did not write');
    first.group ??= ++this.#groups;
    const { type, size, target: leadsTo, group, sha256 } = first;
    return {
      type,
      group,
      ...(size === undefined ? {} : { size }),
      ...(leadsTo === undefined ? {} : { target: leadsTo }),
      ...(sha256 === undefined ? {} : { sha256 }),
    };
  }

  #storedAs(path: ByteText): ListedEntry | undefined {
    let [from, to] = [0, this.#next];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.wanted[middle]?.found.path ?? '') < path) from = middle + 1;
      else to = middle;
    }
    const stored = this.wanted[from]?.stored;
    return stored?.path === path ? stored : undefined;
  }

  /** Tar has read it to its end. Where it is another one by now, it may have been so before that end. */
  async #lookAgain({ found }: PlannedEntry): Promise<void> {
    const facts = await lstat(fullPath(this.root, found.path), { bigint: true }).catch(() => undefined);
    if (facts && facts.ctimeNs !== found.ctime) this.changed.push(found.path);
  }
}

function factsOf(member: PaxMember): Pick<ListedEntry, 'type' | 'size' | 'target' | 'device'> {
  const { type, size, target, device } = member;
  if (type === 'hard-link') throw new RangeError('a hard link has no facts of its own');
  if (type === 'file') return { type, size };
  if (type === 'link') return { type, target };
  return type === 'char' || type === 'block' ? { type, device } : { type };
}
