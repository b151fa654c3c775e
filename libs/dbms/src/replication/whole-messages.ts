/** Type and length. */
const HEADER = 5;
/** Nothing that a server sends here is longer: WAL comes in pieces of 128 kB. */
const LONGEST = 1 << 24;

/** Takes one message. Its body is its own until the call, or its promise, is done. */
export type TakeMessage = (type: number, body: Buffer) => Promise<void> | undefined;

/** Cuts the bytes of a server into whole messages. */
export class WholeMessages {
  readonly #header = Buffer.alloc(HEADER);
  #headerBytes = 0;
  #body: Buffer | undefined;
  #filled = 0;
  /** Used again for every message: what is taken is copied. */
  #memory = Buffer.alloc(1 << 18);

  constructor(private readonly take: TakeMessage) {}

  /** @throws RangeError for bytes that are no messages */
  push(chunk: Buffer): Promise<void> | undefined {
    return this.#from(chunk, 0);
  }

  #from(chunk: Buffer, start: number): Promise<void> | undefined {
    let read = start;
    while (read < chunk.length) {
      if (this.#body) {
        const taken = chunk.copy(this.#body, this.#filled, read);
        this.#filled += taken;
        read += taken;
      } else {
        const taken = chunk.copy(this.#header, this.#headerBytes, read, read + HEADER - this.#headerBytes);
        this.#headerBytes += taken;
        read += taken;
        if (this.#headerBytes < HEADER) return undefined;
        this.#begin();
      }
      const body = this.#body;
      if (body?.length !== this.#filled) continue;
      this.#body = undefined;
      const wait = this.take(this.#header[0] ?? 0, body);
      if (wait) {
        const next = read;
        return wait.then(() => this.#from(chunk, next));
      }
    }
    return undefined;
  }

  #begin(): void {
    this.#headerBytes = 0;
    this.#filled = 0;
    const length = this.#header.readInt32BE(1) - 4;
    if (length < 0 || length > LONGEST) throw new RangeError(`a message of ${length} bytes`);
    if (length > this.#memory.length) this.#memory = Buffer.alloc(length);
    this.#body = this.#memory.subarray(0, length);
  }
}
