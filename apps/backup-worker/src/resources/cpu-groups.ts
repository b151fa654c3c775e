import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isRunning } from '@hozen/dbms';
import { logger } from '@hozen/telemetry';

const log = logger('resources');

/** Of cpu.max: the kernel hands out time for so long, in microseconds. */
const PERIOD_US = 100_000;
const PREFIX = 'hozen-runs-';
/** Programs that were killed leave their group a moment later. */
const GOING_MS = 50;
const MOST_LOOKS = 40;

/** A run's own control group. */
export interface CpuGroup extends AsyncDisposable {
  path: string;
}

/** Where the service manager has delegated the controller `cpu` to us (or we are root): a group for each run, below one for all of this process. */
export class CpuGroups {
  readonly #shares = new Map<string, number>();

  private constructor(private readonly folder: string) {}

  /**
   * @param base folder of the control group to work below; our own by default
   * @returns undefined where the kernel, or whoever manages it, does not let us
   */
  static async open(base?: string): Promise<CpuGroups | undefined> {
    try {
      const own = base ?? (await ownGroup());
      if (own === undefined || !(await has(own, 'cgroup.controllers'))) return undefined;
      await handDown(own);
      const folder = join(own, `${PREFIX}${process.pid}`);
      await sweep(own);
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'cgroup.subtree_control'), '+cpu');
      return new CpuGroups(folder);
    } catch (error) {
      log.info({ err: error }, 'there are no control groups for us: programs give way by their niceness');
      return undefined;
    }
  }

  /** @param name not used at the same time by another one */
  async make(name: string, percent: number): Promise<CpuGroup> {
    const path = join(this.folder, name);
    await mkdir(path, { recursive: true });
    await writeFile(join(path, 'cpu.max'), quota(percent));
    this.#shares.set(name, percent);
    await this.#shareAll();
    return { path, [Symbol.asyncDispose]: () => this.#remove(name, path) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await removeGroup(this.folder);
  }

  async #remove(name: string, path: string): Promise<void> {
    this.#shares.delete(name);
    await removeGroup(path);
    await this.#shareAll().catch((error: unknown) => log.warn({ err: error }, 'the share of all runs was not set'));
  }

  /** All together have what the largest of them has. */
  async #shareAll(): Promise<void> {
    if (this.#shares.size === 0) return;
    await writeFile(join(this.folder, 'cpu.max'), quota(Math.max(...this.#shares.values())));
  }
}

/** docs.kernel.org, cgroup v2, "cpu.max": so many microseconds of each period. */
function quota(percent: number): string {
  return `${Math.round((percent / 100) * availableParallelism() * PERIOD_US)} ${PERIOD_US}`;
}

/** Folder of the group (version 2) that this process is in; undefined without such. */
async function ownGroup(): Promise<string | undefined> {
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  const mount = mounts.split('\n').find((line) => line.split(' ')[2] === 'cgroup2');
  const line = (await readFile('/proc/self/cgroup', 'utf8')).split('\n').find((each) => each.startsWith('0::'));
  const point = mount?.split(' ')[1];
  return point === undefined || line === undefined ? undefined : join(point, line.slice('0::'.length));
}

async function has(group: string, file: string): Promise<boolean> {
  const text = await readFile(join(group, file), 'utf8').catch(() => '');
  return text.trim().split(' ').includes('cpu');
}

/** A group that hands a controller down may hold no processes itself, so we move into one below it. */
async function handDown(own: string): Promise<void> {
  if (await has(own, 'cgroup.subtree_control')) return;
  const leaf = join(own, 'hozen-worker');
  await mkdir(leaf, { recursive: true });
  await writeFile(join(leaf, 'cgroup.procs'), String(process.pid));
  try {
    await writeFile(join(own, 'cgroup.subtree_control'), '+cpu');
  } catch (error) {
    // Others are in it, who are not ours to move.
    await writeFile(join(own, 'cgroup.procs'), String(process.pid));
    await rmdir(leaf).catch(() => undefined);
    throw error;
  }
}

/** Groups of workers that died. */
async function sweep(own: string): Promise<void> {
  for (const name of await readdir(own)) {
    if (!name.startsWith(PREFIX) || isRunning(Number(name.slice(PREFIX.length)))) continue;
    const folder = join(own, name);
    for (const run of await readdir(folder, { withFileTypes: true })) {
      if (run.isDirectory()) await rmdir(join(folder, run.name)).catch(() => undefined);
    }
    await rmdir(folder).catch(() => undefined);
  }
}

async function removeGroup(path: string): Promise<void> {
  for (let look = 1; ; look++) {
    try {
      return await rmdir(path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return;
      if (code !== 'EBUSY' || look === MOST_LOOKS) {
        log.warn({ err: error, path }, 'a control group could not be removed');
        return;
      }
      await delay(GOING_MS);
    }
  }
}
