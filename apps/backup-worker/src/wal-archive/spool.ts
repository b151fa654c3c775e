import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { WalOptions } from './options.js';

// Loaded before anything else, and at every file of WAL: nothing but Node's own modules here.

/**
 * What was sent or fetched ahead, on this machine. Another content of the file with the config, or another config, has
 * another spool: what was sent to one place is not there in another. Nothing in it is believed without its checksum.
 */
export class Spool {
  private constructor(private readonly folder: string) {}

  /** @returns undefined where nothing is to be done ahead, or the file with the config cannot be read */
  static async of({ spool, file, config }: WalOptions): Promise<Spool | undefined> {
    if (spool === undefined) return undefined;
    const text = await readFile(file).catch(() => undefined);
    if (!text) return undefined;
    const id = createHash('sha256')
      .update(JSON.stringify([config ?? '', file]))
      .update(text)
      .digest('hex');
    return new Spool(join(spool, id.slice(0, 16)));
  }

  get fetched(): string {
    return join(this.folder, 'fetched');
  }

  /** True when a file with this name and this content was archived ahead of its turn. */
  async wasPushed(path: string): Promise<boolean> {
    const [mark, content] = await Promise.all(
      [join(this.folder, 'pushed', basename(path)), path].map((each) => readFile(each).catch(() => undefined)),
    );
    return mark !== undefined && content !== undefined && String(mark) === sha256(content);
  }

  /** After it is stored and synced. */
  async markPushed(name: string, sum: string): Promise<void> {
    const folder = join(this.folder, 'pushed');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await put(folder, name, sum);
  }

  /** Those that the server has heard of are of no use any more. @param waiting names that it will still ask for */
  async forgetAllBut(waiting: ReadonlySet<string>): Promise<void> {
    const folder = join(this.folder, 'pushed');
    for (const name of await readdir(folder).catch(() => [])) {
      if (!waiting.has(name)) await rm(join(folder, name), { force: true });
    }
  }

  async keepFetched(name: string, content: Buffer): Promise<void> {
    await mkdir(this.fetched, { recursive: true, mode: 0o700 });
    await put(this.fetched, `${name}.${sha256(content)}`, content);
  }

  /** A file that was fetched ahead; it is gone from the spool then. */
  async takeFetched(name: string): Promise<Buffer | undefined> {
    for (const file of await this.namesFetched()) {
      const [, of, sum] = /^(.+)\.([0-9a-f]{64})$/.exec(file) ?? [];
      if (of !== name) continue;
      const content = await readFile(join(this.fetched, file)).catch(() => undefined);
      await rm(join(this.fetched, file), { force: true });
      // The machine may have stopped before all of it was on the disk.
      if (content && sha256(content) === sum) return content;
    }
    return undefined;
  }

  /** Files with their checksums. */
  async namesFetched(): Promise<string[]> {
    return (await readdir(this.fetched).catch(() => [])).filter((name) => !name.startsWith('.'));
  }

  /** Who fetches ahead just now. */
  get fetcher(): string {
    return join(this.folder, 'fetcher');
  }
}

async function put(folder: string, name: string, content: string | Buffer): Promise<void> {
  const hidden = join(folder, `.${name}.${process.pid}`);
  await writeFile(hidden, content, { mode: 0o600 });
  await rename(hidden, join(folder, name));
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
