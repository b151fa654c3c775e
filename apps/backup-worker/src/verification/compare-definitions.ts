import { createHash } from 'node:crypto';
import type { TocEntry } from '../pipeline/custom-format.js';
import { asReadBack } from './as-read-back.js';

/**
 * What differs between the definitions of a database and of its restored copy: each entry of pg_dump's table of contents
 * with all that makes it up. Their order is not compared; it depends on object numbers.
 */
export function compareDefinitions(backup: TocEntry[], copy: TocEntry[]): string[] {
  const wanted = counted(backup);
  const differences: string[] = [];
  for (const entry of copy) {
    const key = keyOf(entry);
    const left = wanted.get(key);
    if (left === undefined) differences.push(`${nameOf(entry)} is defined differently or should not be there`);
    else if (left.count === 1) wanted.delete(key);
    else left.count--;
  }
  const known = new Set(differences.map((difference) => difference.replace(/ is defined .*$/s, '')));
  for (const { entry } of wanted.values()) {
    if (!known.has(nameOf(entry))) differences.push(`${nameOf(entry)} is missing`);
  }
  return differences;
}

function counted(entries: TocEntry[]): Map<string, { entry: TocEntry; count: number }> {
  const found = new Map<string, { entry: TocEntry; count: number }>();
  for (const entry of entries) {
    const key = keyOf(entry);
    const same = found.get(key);
    if (same) same.count++;
    else found.set(key, { entry, count: 1 });
  }
  return found;
}

function keyOf(entry: TocEntry): string {
  const { tag, desc, namespace, owner, tablespace, tableam } = entry;
  const parts = [tag, desc, namespace, owner, tablespace, tableam, definitionOf(entry)];
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64');
}

/**
 * As the restored copy has it. A child table lists its own columns after its parent's then, so for these the lines of the
 * definition are compared without their order.
 */
function definitionOf({ desc, defn }: TocEntry): string | null {
  if (defn === null) return null;
  const definition = asReadBack(defn);
  if (desc !== 'TABLE' || !definition.includes('\nINHERITS (')) return definition;
  const lines = definition.split('\n').map((line) => line.replace(/,$/, ''));
  return lines.toSorted().join('\n');
}

function nameOf({ desc, namespace, tag }: TocEntry): string {
  return `${desc.toLowerCase()} ${namespace ? `${namespace}.` : ''}${tag}`;
}
