/**
 * Works on all items, so many at a time, begun in their order. The first failure aborts what is going on, and begins nothing more.
 * @throws what failed first, when all have ended
 */
export async function sideBySide<T>(
  items: readonly T[],
  most: number,
  outer: AbortSignal | undefined,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const signal = outer ? AbortSignal.any([outer, failed.signal]) : failed.signal;
  const waiting = items.values();
  const lane = async () => {
    try {
      for (const item of waiting) {
        signal.throwIfAborted();
        await work(item, signal);
      }
    } catch (error) {
      failed.abort(error);
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, lane));
  failed.signal.throwIfAborted();
}
