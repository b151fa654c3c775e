import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import type { RestoreView, RunListView, RunView } from '@hozen/contracts';
import { eventually, tempDir, type TempDir } from '@hozen/testkit';
import { expect } from 'vitest';
import { filesBelow } from '../src/file-state.js';
import type { ServiceProcess } from '../src/service-process.js';
import { expectNone, expectNothingRuns } from '../src/settled.js';
import { Stack } from '../src/stack.js';
import type { Backups, Source } from './subject.js';

/** So slow that there is a middle: a bulk takes a quarter of a minute. Bytes a second. */
const SLOWLY = 1_000_000;
const NO_RETRY = { times: 0, seconds: 0 };

/** Workers, and one source that they back up. */
export class Stage implements AsyncDisposable {
  #worker: ServiceProcess | undefined;

  private constructor(
    readonly stack: Stack,
    readonly source: Source,
    readonly restored: TempDir,
  ) {}

  static async of(source: Source): Promise<Stage> {
    const restored = await tempDir();
    const stack = await Stack.start([], { ...source.secrets, HOZEN_RESTORE_FOLDERS: restored.path });
    await mkdir(stack.home.join('spool'), { mode: 0o711 });
    return new Stage(stack, source, restored);
  }

  /** The worker that runs; another one where it has died. All work in one spool, as on one machine. */
  async worker(): Promise<ServiceProcess> {
    if (!this.#worker?.running) {
      this.#worker = await this.stack.startService('backup-worker', { HOZEN_SPOOL: this.spool });
    }
    return this.#worker;
  }

  /** One that has done nothing yet: what it takes is measured. */
  async freshWorker(): Promise<ServiceProcess> {
    await this.#worker?.stop();
    return this.worker();
  }

  get spool(): string {
    return this.stack.home.join('spool');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack[Symbol.asyncDispose]();
    await this.restored[Symbol.asyncDispose]();
  }
}

/** What one sentence is tried with: a config and a storage of its own. */
export class Trial implements Backups {
  readonly stack: Stack;
  readonly source: Source;
  /** Artefacts that the source began with. */
  #before = 0;

  private constructor(
    readonly stage: Stage,
    /** Of the config under test. */
    readonly config: string,
    readonly storage: string,
    private readonly storageSpec: object,
  ) {
    ({ stack: this.stack, source: this.source } = stage);
  }

  /** @param storage of the artefacts; default: a folder of the trial's own */
  static async of(stage: Stage, config: string, storage?: object): Promise<Trial> {
    const folder = stage.stack.home.join('storages', config);
    await stage.worker();
    const trial = new Trial(stage, config, folder, storage ?? { kind: 'file', path: folder });
    await trial.configure();
    await stage.source.begin?.(trial);
    const { path = folder } = (storage ?? {}) as { path?: string };
    trial.#before = (await artefactsIn(path)).data.length;
    return trial;
  }

  /** The companions have their storage elsewhere: what they leave is not under test. */
  async configure(resources: object = {}): Promise<void> {
    const { source, config } = this;
    const target = (source.targets[0] as { name: string }).name;
    const common = { target, compression: 'zstd', resources: { cpuPercent: 100, ...resources } };
    const retries = { connection: NO_RETRY, io: NO_RETRY, compression: NO_RETRY, verification: NO_RETRY };
    const companions = (source.companions?.(config) ?? []).map((each) => ({
      ...common,
      resources: { cpuPercent: 100 },
      storage: { kind: 'file', path: `${this.storage}-companions` },
      ...each,
    }));
    await this.stack.configureBackups({
      targets: source.targets,
      configs: [{ ...common, name: config, retries, storage: this.storageSpec, ...source.config }, ...companions],
    });
  }

  request(config = this.config): Promise<string> {
    return this.stack.request('backup.requested', { config });
  }

  async backedUp(within = 300_000, config = this.config): Promise<RunView> {
    const run = await this.stack.runEnded(await this.request(config), within);
    expect(run.error, JSON.stringify(run.error)).toBeUndefined();
    expect(run.state).toBe('completed');
    return run;
  }

  /** Asks for a backup that takes long. Returns when a part of it is in storage, and the rest is still to come. */
  async halfWay(): Promise<string> {
    await this.configure({ writeBytesPerSecond: SLOWLY });
    const request = await this.request();
    await eventually(
      async () => {
        const run = await this.stack.run(request);
        if (run.error) throw new Error(JSON.stringify(run.error));
        expect(run.progress?.phase).toBe('dumping');
        expect(await this.#partBytes()).toBeGreaterThan(0);
      },
      { within: 120_000 },
    );
    return request;
  }

  async restore(request: object): Promise<RestoreView> {
    const restore = await this.stack.restoreEnded(await this.stack.request('restore.requested', request), 600_000);
    expect(restore.error, JSON.stringify(restore.error)).toBeUndefined();
    expect(restore.state).toBe('completed');
    return restore;
  }

  async artefact(): Promise<string> {
    const { runs } = await this.stack.get<RunListView>('backup-worker', `/backups?config=${this.config}`);
    return runs.find(({ artefact }) => artefact !== undefined)?.artefact?.path ?? '';
  }

  async databases(): Promise<string[]> {
    const manifest = JSON.parse(await readFile(`${await this.artefact()}.manifest.json`, 'utf8')) as {
      databases: { name: string }[];
    };
    return manifest.databases.map(({ name }) => name);
  }

  restoreFolder(): string {
    return this.stage.restored.join(`${this.config}-${crypto.randomUUID().slice(0, 8)}`);
  }

  /** So many artefacts are in storage, each whole with its checksum and manifest, and nothing else is anywhere. */
  async expectClean(artefacts: number, storage = this.storage): Promise<void> {
    await eventually(
      async () => {
        await expectNothingRuns(this.stack);
        expectNone('left in the source', await this.source.leftovers());
        expectNone('left in the spool', await readdir(this.stage.spool));
      },
      { within: 30_000 },
    );
    const { data, others } = await artefactsIn(storage);
    expect(data).toHaveLength(this.#before + artefacts);
    const besides = (name: string) => (this.source.besides ?? []).map((end) => `${name}${end}`);
    expect(others).toEqual(
      data.flatMap((name) => [`${name}.manifest.json`, `${name}.sha256`, ...besides(name)]).toSorted(),
    );
  }

  async #partBytes(): Promise<number> {
    const parts = (await filesBelow(this.storage)).filter((path) => path.endsWith('.partial'));
    const sizes = await Promise.all(
      parts.map((path) =>
        stat(path).then(
          ({ size }) => size,
          () => 0,
        ),
      ),
    );
    return sizes.reduce((sum, size) => sum + size, 0);
  }
}

/** Names of artefacts, and of all that lies beside them. */
async function artefactsIn(storage: string): Promise<{ data: string[]; others: string[] }> {
  const names = (await filesBelow(storage)).map((path) => path.slice(path.lastIndexOf('/') + 1)).toSorted();
  const isData = (name: string) => /^[^.].*\.(?:tar|sql)\.zst$/.test(name);
  return { data: names.filter(isData), others: names.filter((name) => !isData(name)) };
}
