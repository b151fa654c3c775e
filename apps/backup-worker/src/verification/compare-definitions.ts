import { hash } from 'node:crypto';
import type { TocEntry } from '../pipeline/custom-format.js';
import { asReadBack } from './as-read-back.js';

/**
 * Compares the definitions of a database with those of its restored copy: each entry of pg_dump's table of contents with all
 * that makes it up. Their order is not compared; it depends on object numbers. Of each no more than a hash is kept, for there
 * is one for each large object.
 */
export class DefinitionsComparison {
  /** How many are expected, by their hash. */
  readonly #expected = new Map<string, number>();
  /** Of the copy, what is not as in the backup. */
  readonly differences: string[] = [];
  readonly #different = new Set<string>();

  /** @param counts which definitions are compared */
  constructor(private readonly counts: (entry: TocEntry) => boolean) {}

  /** The next one of the backup. */
  expect(entry: TocEntry): void {
    if (!this.counts(entry)) return;
    const key = keyOf(entry);
    this.#expected.set(key, (this.#expected.get(key) ?? 0) + 1);
  }

  /** The next one of the copy, after all of the backup. */
  found(entry: TocEntry): void {
    if (!this.counts(entry) || this.#take(keyOf(entry))) return;
    const name = nameOf(entry);
    this.#different.add(name);
    this.differences.push(`${name} is defined differently or should not be there`);
  }

  /** Whether all that was expected was found. */
  get isComplete(): boolean {
    return this.#expected.size === 0;
  }

  /** @param backup all of it once more: what is missing has no name otherwise */
  async missing(backup: Iterable<TocEntry> | AsyncIterable<TocEntry>): Promise<string[]> {
    const names: string[] = [];
    for await (const entry of backup) {
      if (!this.counts(entry) || !this.#take(keyOf(entry))) continue;
      const name = nameOf(entry);
      if (!this.#different.has(name)) names.push(`${name} is missing`);
    }
    return names;
  }

  #take(key: string): boolean {
    const left = this.#expected.get(key);
    if (left === undefined) return false;
    if (left === 1) this.#expected.delete(key);
    else this.#expected.set(key, left - 1);
    return true;
  }
}

function keyOf(entry: TocEntry): string {
  const { tag, desc, namespace, owner, tablespace, tableam } = entry;
  const parts = [tag, desc, namespace, owner, tablespace, tableam, definitionOf(entry)];
  // One byte for each character.
  return hash('sha256', JSON.stringify(parts), 'binary');
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
