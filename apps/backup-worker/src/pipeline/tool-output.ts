import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, Socket, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** As much as the kernel hands over at once. */
const BYTES = 65_536;

/** Takes a chunk before it returns: the buffer is used again. A promise holds the next one back. */
export type TakeChunk = (chunk: Buffer) => Promise<void> | undefined;

/**
 * Reads what a program prints into one buffer, again and again, from when {@link read} is called.
 *
 * The stdout of a child process in Node allocates 64 KiB for each read. At full speed that is gigabytes, and the garbage
 * collector then takes more time than reading, parsing and hashing together. It also drops what nobody has begun to read
 * when the child ends; here it waits in the kernel.
 */
export class ToolOutput {
  readonly #buffer = Buffer.allocUnsafeSlow(BYTES);
  readonly #ourEnd = new Socket({
    onread: { buffer: this.#buffer, callback: (bytes) => this.#chunk(this.#buffer.subarray(0, bytes)) },
  });
  readonly #ended: Promise<void>;
  #fail: (error: unknown) => void = () => undefined;
  #take: TakeChunk | undefined;
  #programEnd: Socket | undefined;

  private constructor() {
    this.#ourEnd.pause();
    this.#ended = new Promise((resolve, reject) => {
      this.#ourEnd.once('close', () => resolve());
      this.#fail = (error) => {
        reject(error instanceof Error ? error : new Error(String(error)));
        this.#ourEnd.destroy();
      };
    });
    // Looked at when it is read.
    this.#ended.catch(() => undefined);
    this.#ourEnd.once('error', (error) => this.#fail(error));
  }

  static async open(): Promise<ToolOutput> {
    const output = new ToolOutput();
    // The folder is ours alone, and gone before the program starts: nobody else can take the other end.
    const folder = await mkdtemp(join(tmpdir(), 'hz-'));
    const server = createServer({ pauseOnConnect: true });
    try {
      await once(server.listen(join(folder, 's')), 'listening');
      await output.#connect(server, join(folder, 's'));
      return output;
    } finally {
      server.close();
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Starts a program with this as its standard output. */
  give<T>(start: (stdout: Socket) => T): T {
    if (!this.#programEnd) throw new Error('it has a program already');
    try {
      return start(this.#programEnd);
    } finally {
      // The program has a copy. Ours would keep the stream from ending.
      this.#programEnd.destroy();
      this.#programEnd = undefined;
    }
  }

  /** Hands every chunk to `take` until the program closes its output. @throws what `take` throws */
  async read(take: TakeChunk): Promise<void> {
    this.#take = take;
    this.#ourEnd.resume();
    try {
      await this.#ended;
    } finally {
      this.#ourEnd.destroy();
    }
  }

  /** Nothing more is read: a program that goes on writing is ended by it. */
  close(): void {
    this.#programEnd?.destroy();
    this.#ourEnd.destroy();
  }

  async #connect(server: Server, path: string): Promise<void> {
    const accepted = once(server, 'connection');
    this.#ourEnd.connect({ path });
    const [[programEnd]] = (await Promise.all([accepted, once(this.#ourEnd, 'connect')])) as [[Socket], unknown];
    this.#programEnd = programEnd;
  }

  /** @returns whether reading goes on at once */
  #chunk(chunk: Buffer): boolean {
    try {
      const wait = this.#take?.(chunk);
      if (!wait) return true;
      wait.then(
        () => this.#ourEnd.resume(),
        (error: unknown) => this.#fail(error),
      );
    } catch (error) {
      this.#fail(error);
    }
    return false;
  }
}
