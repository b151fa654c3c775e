/** What a B-tree's size can be estimated from; of `pg_class` and `pg_stats`. */
export interface IndexSize {
  pages: number;
  entries: number;
  /** Bytes of the key columns of an average row, NULLs counted in. */
  keyWidth: number;
  fillFactor: number;
  blockSize: number;
  columnsKnown: boolean;
}

const PAGE_HEADER = 24;
const PAGE_SPECIAL = 16;
const LINE_POINTER = 4;
const ENTRY_HEADER = 8;
const ALIGNMENT = 8;

/**
 * Percent of a B-tree's pages that a fresh build would not need; undefined where that cannot be told. Duplicates that
 * the server stores once make a real index smaller than estimated here, so the error is on the side of leaving it alone.
 */
export function estimatedBloat(index: IndexSize): number | undefined {
  if (!index.columnsKnown || index.pages <= 1 || index.blockSize === 0) return undefined;
  const entry = LINE_POINTER + aligned(ENTRY_HEADER + index.keyWidth);
  const room = index.blockSize - PAGE_HEADER - PAGE_SPECIAL;
  const perLeaf = Math.max(1, Math.floor((room * index.fillFactor) / 100 / entry));
  const perInner = Math.max(2, Math.floor((room * 0.7) / entry));
  let level = Math.ceil(index.entries / perLeaf);
  let needed = 1 + Math.max(1, level);
  while (level > 1) {
    level = Math.ceil(level / perInner);
    needed += level;
  }
  return Math.max(0, Math.round(100 * (1 - needed / index.pages)));
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}
