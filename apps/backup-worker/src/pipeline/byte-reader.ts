/**
 * Feeds a generator that asks for bytes from chunks that come as they come: `yield n` gives the next `n` bytes.
 * For the parts of a format that are small and intricate; bulk data is walked without it.
 */
export class ByteReader<T> {
  readonly #parser: Generator<number, T, Buffer>;
  #wanted: number;
  #pieces: Buffer[] = [];
  #held = 0;
  result: T | undefined;

  constructor(parser: Generator<number, T, Buffer>) {
    this.#parser = parser;
    this.#wanted = this.#step(parser.next());
  }

  /** @returns where in `chunk` the parser was done, or undefined when it wants more. */
  push(chunk: Buffer): number | undefined {
    let at = 0;
    while (this.result === undefined) {
      const missing = this.#wanted - this.#held;
      if (chunk.length - at < missing) {
        // A copy: who reads at full speed uses the memory of a chunk again.
        this.#pieces.push(Buffer.from(chunk.subarray(at)));
        this.#held += chunk.length - at;
        return undefined;
      }
      const last = chunk.subarray(at, at + missing);
      at += missing;
      const bytes = this.#held === 0 ? last : Buffer.concat([...this.#pieces, last]);
      this.#pieces = [];
      this.#held = 0;
      this.#wanted = this.#step(this.#parser.next(bytes));
    }
    return at;
  }

  #step(step: IteratorResult<number, T>): number {
    if (!step.done) return step.value;
    this.result = step.value;
    return 0;
  }
}
