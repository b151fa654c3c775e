import { lstat, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HozenError } from '@hozen/contracts';
import { exchangeNames, renameDurably } from '../storage/file/exchange-names.js';
import { syncDirectory } from '../storage/file/durable.js';
import { removeTree } from '../storage/file/remove-tree.js';
import { isMissing } from '../storage/storage-error.js';
import type { RestoreContext } from './restore-context.js';
import type { RestoreRow } from './restore-row.js';

/** Written down before the folders change names: by these, whoever comes later knows whether they have. */
export interface TreeSwap {
  /** Which folder had the name, and which one is to have it: device and inode. */
  old: string;
  fresh: string;
  /** Of the restore, for its report. */
  warnings: string[];
}

const MARK = `
  UPDATE restores SET opening = true, set_aside = $3::jsonb
   WHERE id = $1 AND epoch = $2 AND state = 'running' RETURNING id`;

/** Which folder it is, whatever its name; undefined where there is none. */
export async function folderAt(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Why a folder cannot change its name with another one beside it; undefined where it can. */
export async function whyIrreplaceable(directory: string): Promise<string | undefined> {
  const facts = await lstat(directory).catch(() => undefined);
  if (!facts?.isDirectory()) return 'no folder';
  return facts.dev === (await lstat(dirname(directory))).dev ? undefined : 'a mount point';
}

/**
 * Exchanges a folder for one that was made beside it, in one step. A worker that was stopped in the middle may wake up at any time: each
 * has a name of its own for what it makes, and what an earlier one made gets another name before it is looked at, so that nobody
 * exchanges what somebody else makes or removes.
 */
export class TreeExchange {
  constructor(
    private readonly row: RestoreRow & { directory: string },
    private readonly context: Pick<RestoreContext, 'database'>,
  ) {}

  /** Where this attempt restores the tree. */
  get beside(): string {
    return `${this.#prefix}${this.row.epoch}`;
  }

  /** The name that what was there has from now on. */
  get kept(): string {
    return `${this.row.directory}.before-${this.row.id.slice(0, 8)}`;
  }

  get #prefix(): string {
    return `${this.row.directory}.hozen-${this.row.id}-`;
  }

  /** Once they have changed names. */
  async isDone(): Promise<TreeSwap | undefined> {
    const swap = this.#marked;
    return swap && (await folderAt(this.row.directory)) === swap.fresh ? swap : undefined;
  }

  get #marked(): TreeSwap | undefined {
    return this.row.opening ? ((this.row.set_aside as TreeSwap | null) ?? undefined) : undefined;
  }

  /** What earlier attempts left is removed; but what was there before, if one of them had exchanged it, gets its name. */
  async clear(): Promise<void> {
    const folder = dirname(this.row.directory);
    const trash = `${this.#prefix}trash`;
    const names = await readdir(folder).catch((error: unknown) => {
      if (isMissing(error)) return [];
      throw error;
    });
    const own = names.map((name) => join(folder, name)).filter((path) => path.startsWith(this.#prefix));
    // One that was begun on is ended first.
    for (const path of own.sort((a, b) => Number(b === trash) - Number(a === trash))) {
      if (path !== trash) await renameDurably(path, trash, folder);
      if ((await folderAt(trash)) === this.#marked?.old) await this.#keep(trash);
      else await removeTree(trash);
    }
  }

  /**
   * They change names: what was there has the name that the restored one had.
   * @param old which one is to go
   * @throws HozenError LEASE_LOST, PLAN_CHANGED where another folder has the name by now, TOOL_FAILED
   */
  async exchange(old: string, warnings: string[], before: () => Promise<void>): Promise<void> {
    const { row, beside } = this;
    const swap: TreeSwap = { old, fresh: (await folderAt(beside)) ?? '', warnings };
    const [rows] = await this.context.database.query<[unknown[], number]>(MARK, [
      row.id,
      row.epoch,
      JSON.stringify(swap),
    ]);
    if (rows.length === 0) throw new HozenError('LEASE_LOST');
    Object.assign(row, { opening: true, set_aside: swap });
    await before();
    if ((await folderAt(row.directory)) !== old) throw new HozenError('PLAN_CHANGED');
    await exchangeNames(row.directory, beside);
    await syncDirectory(dirname(row.directory));
  }

  /** What was there keeps its content, under another name. */
  async #keep(path: string): Promise<void> {
    await renameDurably(path, this.kept, dirname(this.kept));
  }
}
