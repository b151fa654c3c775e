/**
 * Where archived files stand, by keys such as `0000000100000000/000000010000000000000005.wal`. Throws HozenErrors of the
 * STORAGE_ and DISK_ codes.
 */
export interface ArchiveStore {
  pathOf(key: string): string;
  /**
   * Whole and synced when it resolves, or not there at all.
   * @returns false where something stands there already: that is synced too
   */
  create(key: string, content: Buffer): Promise<boolean>;
  /** Whole and synced when it resolves; until then, what stood there. */
  replace(key: string, content: Buffer): Promise<void>;
  /** @returns undefined where nothing stands there */
  read(key: string): Promise<Buffer | undefined>;
  /** The keys that begin so and come after `after`, in order. */
  list(start: string, after?: string): AsyncGenerator<string>;
  remove(key: string): Promise<void>;
}
