/** What is begun ahead of its turn, at most. */
export interface Ahead {
  items: number;
  bytes: number;
}

/**
 * Begins work on several items at one time, and gives the results in the order of the items.
 * @param sizeOf bytes that a result holds in memory
 */
export async function* inOrder<T, R>(
  items: AsyncIterable<T>,
  begin: (item: T) => Promise<R>,
  sizeOf: (item: T) => number,
  ahead: Ahead,
): AsyncGenerator<R> {
  const begun: { result: Promise<R>; bytes: number }[] = [];
  let bytes = 0;
  const first = async (): Promise<R> => {
    const next = begun.shift();
    if (!next) throw new RangeError('nothing is begun');
    bytes -= next.bytes;
    return next.result;
  };
  try {
    for await (const item of items) {
      const size = sizeOf(item);
      while (begun.length > 0 && (begun.length >= ahead.items || bytes + size > ahead.bytes)) yield await first();
      const result = begin(item);
      // Looked at in its turn.
      result.catch(() => undefined);
      begun.push({ result, bytes: size });
      bytes += size;
    }
    while (begun.length > 0) yield await first();
  } finally {
    await Promise.allSettled(begun.map(({ result }) => result));
  }
}
