/**
 * How many bytes of files are being written at once, all files together: each may have several pieces on their way, and
 * so many files that every one is modest would still fill the memory.
 */
export class BytesOnTheirWay {
  #bytes = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(private readonly most: number) {}

  get full(): boolean {
    return this.#bytes > this.most;
  }

  begin(bytes: number): void {
    this.#bytes += bytes;
  }

  end(bytes: number): void {
    this.#bytes -= bytes;
    if (this.full) return;
    for (const go of this.#waiting.splice(0)) go();
  }

  /** Waits until there is room again. */
  room(): Promise<void> {
    return this.full ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve();
  }
}
