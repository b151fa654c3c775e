import type { ByteText } from '../files/byte-text.js';
import type { ListedEntry } from '../files/listing.js';
import type { FoundObject } from './list-objects.js';

/** A path of the tree, and what the parent has under it. */
export interface PlannedObject {
  path: ByteText;
  /** Undefined for a path of the parent that was not found. */
  found: FoundObject | undefined;
  before: ListedEntry | undefined;
  /** Nothing about it has changed: its bytes are not stored again. */
  isKept: boolean;
}

/** Puts what was found beside what the parent has, path by path. Both are sorted by the bytes of their paths. */
export async function* planObjects(
  found: AsyncIterable<FoundObject>,
  parent: AsyncIterable<ListedEntry> | Iterable<ListedEntry>,
): AsyncGenerator<PlannedObject> {
  const earlier = iteratorOf(parent);
  try {
    let before = await earlier.next();
    for await (const each of found) {
      for (; !before.done && before.value.path < each.path; before = await earlier.next()) {
        yield { path: before.value.path, found: undefined, before: before.value, isKept: false };
      }
      const same = !before.done && before.value.path === each.path ? before.value : undefined;
      yield { path: each.path, found: each, before: same, isKept: same !== undefined && isSame(each, same) };
      if (same) before = await earlier.next();
    }
    for (; !before.done; before = await earlier.next()) {
      yield { path: before.value.path, found: undefined, before: before.value, isKept: false };
    }
  } finally {
    await earlier.return(undefined);
  }
}

/** Folders are stored each time, they are a header each. */
function isSame({ object }: FoundObject, before: ListedEntry): boolean {
  return (
    object !== undefined &&
    before.type === 'file' &&
    before.object?.key === object.key &&
    before.object.etag === object.etag &&
    before.size === object.size &&
    before.mtime === BigInt(object.modifiedAt) * 1_000_000n
  );
}

async function* iteratorOf<T>(items: AsyncIterable<T> | Iterable<T>): AsyncGenerator<T> {
  yield* items;
}
