import { mkdir, open, readFile, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { walFileName } from '@hozen/dbms';
import { syncDirectory } from '../storage/file/durable.js';

/** A WAL file as it comes, on this machine's disk. What is synced can be told to the server as kept. */
export class ReceivedSegment {
  readonly name: string;
  readonly end: bigint;
  #written = 0;
  #synced = 0;
  #syncing: Promise<void> | undefined;

  private constructor(
    readonly path: string,
    private readonly handle: FileHandle,
    readonly start: bigint,
    { name, bytes }: { name: string; bytes: number },
    private readonly onSynced: () => void,
  ) {
    this.name = name;
    this.end = start + BigInt(bytes);
  }

  /** @param start where a segment begins. @param onSynced called whenever more of it is on disk */
  static async begin(
    folder: string,
    { timeline, start, segmentBytes }: { timeline: number; start: bigint; segmentBytes: number },
    onSynced: () => void,
  ): Promise<ReceivedSegment> {
    const name = walFileName(timeline, start, segmentBytes);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, name);
    const handle = await open(path, 'w', 0o600);
    await syncDirectory(folder);
    return new ReceivedSegment(path, handle, start, { name, bytes: segmentBytes }, onSynced);
  }

  /** Up to here everything is on disk. */
  get synced(): bigint {
    return this.start + BigInt(this.#synced);
  }

  get room(): number {
    return Number(this.end - this.start) - this.#written;
  }

  /** Writes what comes next, and has it synced soon. */
  async write(bytes: Buffer): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.handle.write(bytes, done, bytes.length - done, this.#written);
      done += bytesWritten;
      this.#written += bytesWritten;
    }
    this.#syncing ??= this.#sync();
    this.#syncing.catch(() => undefined);
  }

  /** When all that was written is on disk. @throws what the disk says */
  async settled(): Promise<void> {
    while (this.#synced < this.#written) await (this.#syncing ??= this.#sync());
  }

  /** What is on disk. */
  async content(): Promise<Buffer> {
    const bytes = this.#synced;
    return (await readFile(this.path)).subarray(0, bytes);
  }

  async close(): Promise<void> {
    await this.#syncing?.catch(() => undefined);
    await this.handle.close();
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true });
  }

  /** As often as the disk can: what comes meanwhile is in the next one. */
  async #sync(): Promise<void> {
    try {
      while (this.#synced < this.#written) {
        const until = this.#written;
        await this.handle.datasync();
        this.#synced = until;
        this.onSynced();
      }
    } finally {
      this.#syncing = undefined;
    }
  }
}
