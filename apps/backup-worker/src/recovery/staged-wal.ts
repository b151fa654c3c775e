import { access, appendFile, mkdir, open, readdir, rename, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { giveToServer } from '@hozen/dbms';
import { ArtefactFile } from '../artefact/artefact-file.js';
import type { ManifestWal } from '../artefact/manifest.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import type { ArchivedTail } from './archived-tail.js';
import { isHistory, partsOf, type WalPart } from './wal-parts.js';

/** WAL files that are put ready before the server asks for them, and that stay after it did: it may ask once more. */
const AHEAD = 32;
const BEHIND = 8;

/** The server copies files by a script; how often the two look at what the other has done. */
const LOOK_EVERY_MS = 20;

/**
 * What a server that replays is told to fetch WAL with. It waits for a file that will come; 1 means that there is none, 126
 * that replaying must end.
 */
const FETCH = `#!/bin/sh
# fetch.sh FILE WHERE
here=\${0%/*}
[ -e "$here/ready/$1" ] || grep -qxF "$1" "$here/names" || exit 1
: > "$here/asked/$1"
until [ -e "$here/ready/$1" ]; do
  [ -d "$here" ] && [ ! -e "$here/stopped" ] && ! grep -qxF "$1" "$here/gone" || exit 126
  sleep 0.02
done
cp "$here/ready/$1" "$2" || exit 126
`;

export interface StagingOptions {
  /** In order, none missing between. */
  logs: readonly CommittedArtefact[];
  /** What leads on from the last log. */
  tail?: ArchivedTail | undefined;
  /** A new folder. */
  folder: string;
  /** Replaying begins in the file that holds this place. */
  from: bigint;
  signal: AbortSignal;
  onBytes: (bytes: number) => void;
}

/**
 * Puts the WAL of logs ready for a server that replays it, a few files ahead of what it asks for: however much it is, it
 * takes no more room.
 */
export class StagedWal implements AsyncDisposable {
  readonly #parts: ReadonlyMap<CommittedArtefact, WalPart[]>;
  /** Files that will come, and their numbers, in order. */
  readonly #numbers: ReadonlyMap<string, number>;
  readonly #stop = new AbortController();
  #feeding: Promise<void> = Promise.resolve();
  #file: { name: string; handle: FileHandle } | undefined;

  private constructor(private readonly options: StagingOptions) {
    this.#parts = new Map(options.logs.map((log) => [log, log.manifest.wal ? this.#partsOf(log.manifest.wal) : []]));
    const names = new Set([...this.#parts.values()].flatMap((parts) => parts.map(({ file }) => file)));
    for (const file of options.tail?.files ?? []) names.add(file);
    this.#numbers = new Map([...names].map((name, number) => [name, number]));
  }

  /** @throws HozenError ARTEFACT_MISSING, ARTEFACT_CORRUPT, of the STORAGE_ codes */
  static async begin(options: StagingOptions): Promise<StagedWal> {
    const staged = new StagedWal(options);
    const { folder } = options;
    for (const name of ['ready', 'asked']) await mkdir(join(folder, name), { recursive: true, mode: 0o700 });
    await writeFile(join(folder, 'names'), `${[...staged.#numbers.keys()].join('\n')}\n`);
    await writeFile(join(folder, 'gone'), '');
    await writeFile(join(folder, 'fetch.sh'), FETCH, { mode: 0o700 });
    for (const log of lastOfTimelines(options.logs)) await staged.#addHistories(log);
    await giveToServer(folder);
    staged.#feeding = staged.#feed().catch(async (error: unknown) => {
      await writeFile(join(folder, 'stopped'), '');
      throw error;
    });
    staged.#feeding.catch(() => undefined);
    return staged;
  }

  /** The folder that the server's command writes into. All else it only reads. */
  get writtenTo(): string {
    return join(this.options.folder, 'asked');
  }

  /** For the server's configuration. */
  get restoreCommand(): string {
    const script = join(this.options.folder, 'fetch.sh').replaceAll("'", `'\\''`).replaceAll('%', '%%');
    return `sh '${script}' "%f" "%p"`;
  }

  /** What went wrong while files were put ready, if that was why the server stopped. */
  async failure(): Promise<unknown> {
    const stopped = await access(join(this.options.folder, 'stopped')).then(
      () => true,
      () => false,
    );
    if (!stopped) return undefined;
    return this.#feeding.then(
      () => undefined,
      (error: unknown) => error,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#feeding.catch(() => undefined);
    await rm(this.options.folder, { recursive: true, force: true });
  }

  /** What the tail has whole, a log need not begin. */
  #partsOf(wal: ManifestWal): WalPart[] {
    const { from, tail } = this.options;
    return partsOf(wal, from).filter(({ file }) => !tail?.files.includes(file));
  }

  async #addHistories(log: CommittedArtefact): Promise<void> {
    await using file = await ArtefactFile.open(log);
    for (const { name } of file.index.streams.filter((stream) => isHistory(stream.name))) {
      await writeFile(join(this.options.folder, 'ready', basename(name)), await file.readFile(name));
    }
  }

  async #feed(): Promise<void> {
    try {
      for (const [log, parts] of this.#parts) {
        await using file = await ArtefactFile.open(log);
        for (const part of parts) {
          if (part.file !== this.#file?.name) await this.#next(part.file, log);
          await this.#write(file, part);
        }
      }
      await this.#publish();
      for (const name of this.options.tail?.files ?? []) await this.#addWhole(name);
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error;
    } finally {
      await this.#file?.handle.close();
    }
  }

  async #write(file: ArtefactFile, { stream, offset }: WalPart): Promise<void> {
    let at = offset;
    for await (const bytes of file.read(file.stream(stream))) {
      this.#throwIfStopped();
      for (let done = 0; done < bytes.length;) {
        const written = await this.#file?.handle.write(bytes, done, bytes.length - done, at + done);
        done += written?.bytesWritten ?? 0;
      }
      at += bytes.length;
      this.options.onBytes(bytes.length);
    }
  }

  /** A file is whole when the next one begins. */
  async #next(name: string, log: CommittedArtefact): Promise<void> {
    await this.#publish();
    await this.#waitForRoom(this.#numberOf(name));
    const handle = await open(join(this.options.folder, `${name}.part`), 'w', 0o644);
    // The server wants whole files: what no log has is empty.
    await handle.truncate(log.manifest.wal?.segmentBytes ?? 0);
    this.#file = { name, handle };
  }

  async #addWhole(name: string): Promise<void> {
    await this.#waitForRoom(this.#numberOf(name));
    const content = (await this.options.tail?.read(name)) ?? Buffer.alloc(0);
    const handle = await open(join(this.options.folder, `${name}.part`), 'w', 0o644);
    this.#file = { name, handle };
    await handle.writeFile(content);
    await this.#publish();
    this.options.onBytes(content.length);
  }

  async #publish(): Promise<void> {
    const file = this.#file;
    if (!file) return;
    this.#file = undefined;
    await file.handle.close();
    const part = join(this.options.folder, `${file.name}.part`);
    await giveToServer(part);
    await rename(part, join(this.options.folder, 'ready', file.name));
  }

  async #waitForRoom(next: number): Promise<void> {
    for (;;) {
      this.#throwIfStopped();
      const asked = await this.#lastAsked();
      await this.#removeBefore(asked - BEHIND);
      if (next - asked < AHEAD) return;
      await delay(LOOK_EVERY_MS);
    }
  }

  /** Number of the last file that the server has asked for. */
  async #lastAsked(): Promise<number> {
    const names = await readdir(join(this.options.folder, 'asked'));
    return names.reduce((last, name) => Math.max(last, this.#numberOf(name)), 0);
  }

  async #removeBefore(number: number): Promise<void> {
    const { folder } = this.options;
    for (const name of await readdir(join(folder, 'ready'))) {
      const place = this.#numberOf(name);
      if (place < 0 || place >= number) continue;
      // The script must not wait for what will not come again.
      await appendFile(join(folder, 'gone'), `${name}\n`);
      for (const kind of ['ready', 'asked']) await rm(join(folder, kind, name), { force: true });
    }
  }

  /** -1 for what is no WAL file: a history. */
  #numberOf(name: string): number {
    return this.#numbers.get(name) ?? -1;
  }

  #throwIfStopped(): void {
    this.#stop.signal.throwIfAborted();
    this.options.signal.throwIfAborted();
  }
}

/** A log holds the history of the timeline that it ends on, unless that is the first one: one log for each will do. */
function lastOfTimelines(logs: readonly CommittedArtefact[]): CommittedArtefact[] {
  const found = new Map<number, CommittedArtefact>();
  for (const log of logs) {
    const timeline = log.manifest.wal?.ranges.at(-1)?.timeline ?? 1;
    if (timeline > 1) found.set(timeline, log);
  }
  return [...found.values()];
}
