import type { ByteText } from './byte-text.js';
import type { ListedEntry } from './listing.js';
import type { EntryType, FoundEntry } from './walk-tree.js';

/** A path of the tree, and what becomes of it. */
export interface PlannedEntry {
  found: FoundEntry;
  /** What it is in the parent, under the same path. */
  before?: EntryType;
  /** What the parent's listing says of it, where nothing about it has changed: its bytes are not stored again. */
  kept?: ListedEntry;
  /** What is stored of it, as it stands in the archive. */
  stored?: ListedEntry;
}

export interface TreePlan {
  entries: PlannedEntry[];
  /** Paths of the parent that were not found. */
  gone: ByteText[];
}

/**
 * Decides what is new or changed since the parent. Folders and symbolic links are stored each time, they are a header
 * each: so an increment sets right everything about a folder, and can be put onto a tree without any link in it.
 * @param parent its listing, by the bytes of the paths as `found` is; nothing for a full backup
 */
export async function planIncrement(
  found: readonly FoundEntry[],
  parent: AsyncIterable<ListedEntry> | Iterable<ListedEntry>,
): Promise<TreePlan> {
  const entries = found.map((each): PlannedEntry => ({ found: each }));
  const gone: ByteText[] = [];
  let at = 0;
  for await (const before of parent) {
    while (at < entries.length && (entries[at]?.found.path ?? '') < before.path) at++;
    const entry = entries[at];
    if (entry?.found.path !== before.path) {
      gone.push(before.path);
      continue;
    }
    entry.before = before.type;
    if (isSame(entry.found, before)) entry.kept = before;
  }
  storeGroupsWhole(entries);
  return { entries, gone };
}

function isSame(found: FoundEntry, before: ListedEntry): boolean {
  return (
    found.type === before.type &&
    found.type !== 'folder' &&
    found.type !== 'link' &&
    found.size === (before.size ?? 0) &&
    found.mtime === before.mtime &&
    found.ctime === before.ctime &&
    found.inode === before.inode
  );
}

/** All names of one file go together: whoever restores it must not be left with two files. */
function storeGroupsWhole(entries: readonly PlannedEntry[]): void {
  const groups = new Map<bigint, PlannedEntry[]>();
  for (const entry of entries) {
    if (entry.found.type !== 'file' || entry.found.links < 2) continue;
    const group = groups.get(entry.found.inode) ?? [];
    groups.set(entry.found.inode, [...group, entry]);
  }
  for (const group of groups.values()) {
    const [first] = group;
    const isOne = group.every(({ kept }) => kept && (group.length === 1 || kept.group === first?.kept?.group));
    if (isOne && (group.length === 1 || first?.kept?.group !== undefined)) continue;
    for (const entry of group) delete entry.kept;
  }
}
