import { createHash } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import type { ArtefactWriter } from '../../artefact/artefact-writer.js';
import { fullPath, type ByteText } from './byte-text.js';
import { LISTING, lineOf, type ListedEntry } from './listing.js';
import type { TreePlan } from './plan-increment.js';
import { isGone } from './walk-tree.js';
import type { LeftOut } from './warnings.js';

/** The whole tree as it is restored: what is kept of the parent, and what the archive holds. */
export async function listedOf({ entries }: TreePlan, root: string, left: LeftOut): Promise<ListedEntry[]> {
  const listed: ListedEntry[] = [];
  const folders = new Set<ByteText>();
  const groups = new Map<number, number>();
  const newGroups = entries.reduce((most, { stored }) => Math.max(most, stored?.group ?? 0), 0);
  for (const { found, kept, stored } of entries) {
    const { path } = found;
    const entry = kept ? withGroup(kept, groups, newGroups) : stored;
    const folder = path.slice(0, path.lastIndexOf('/'));
    if (entry && (path === '.' || folders.has(folder))) {
      listed.push(entry);
      if (entry.type === 'folder') folders.add(path);
    } else {
      const isVanished = await lstat(fullPath(root, path)).then(() => false, isGone);
      (isVanished ? left.vanished : left.unreadable).add(path);
    }
  }
  return listed;
}

/** Groups of the parent's listing have other numbers here. */
function withGroup(kept: ListedEntry, groups: Map<number, number>, newGroups: number): ListedEntry {
  if (kept.group === undefined) return kept;
  const group = groups.get(kept.group) ?? newGroups + groups.size + 1;
  groups.set(kept.group, group);
  return { ...kept, group };
}

/** What the parent has and this one has not, or not as the same thing. */
export function deletedOf({ entries, gone }: TreePlan, listed: readonly ListedEntry[]): ByteText[] {
  const types = new Map(listed.map(({ path, type }) => [path, type]));
  const replaced = entries.filter(({ before, found }) => before !== undefined && types.get(found.path) !== before);
  return [...gone, ...replaced.map(({ found }) => found.path)].toSorted((one, other) => (one < other ? -1 : 1));
}

/** @returns its SHA-256 */
export async function addListing(writer: ArtefactWriter, listed: readonly ListedEntry[]): Promise<string> {
  const hash = createHash('sha256');
  const stream = writer.openStream(LISTING);
  for (const entry of listed) {
    const line = Buffer.from(lineOf(entry));
    hash.update(line);
    await stream.write(line);
  }
  await writer.endStream(stream);
  return hash.digest('hex');
}
