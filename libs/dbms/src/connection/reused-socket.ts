import { Socket } from 'node:net';

/** What the kernel hands over at once, at most. */
const BYTES = 256 * 1024;

/** Of sockets that are closed, for the next ones. */
const spare: Buffer[] = [];

/**
 * A socket that reads into one buffer again and again. Node allocates 64 KiB for every read otherwise; at the speed of a
 * COPY that is gigabytes, and collecting them takes longer than reading.
 *
 * While nobody has asked for chunks it emits `data` as any socket, with copies.
 */
export class ReusedSocket extends Socket {
  #take: ((chunk: Buffer) => boolean) | undefined;

  constructor() {
    const buffer = spare.pop() ?? Buffer.allocUnsafeSlow(BYTES);
    super({
      onread: { buffer, callback: (bytes) => this.#read(buffer.subarray(0, bytes)) },
    });
    this.once('close', () => spare.push(buffer));
  }

  /** @param take Called with each chunk, which is used again when it returns; false holds the next back until resume(). */
  takeChunks(take: ((chunk: Buffer) => boolean) | undefined): void {
    this.#take = take;
  }

  #read(chunk: Buffer): boolean {
    if (this.#take) return this.#take(chunk);
    this.emit('data', Buffer.from(chunk));
    return true;
  }
}
