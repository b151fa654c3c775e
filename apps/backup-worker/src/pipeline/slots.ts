/** A number of places, given in the order in which they are asked for. */
export class Slots {
  readonly #waiting: (() => void)[] = [];

  constructor(private free: number) {}

  async acquire(): Promise<void> {
    if (this.free > 0) this.free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  release(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.free++;
  }

  /** Works in a place of its own. */
  use<T>(work: () => Promise<T>): Promise<T> {
    return this.useUpTo(1, work);
  }

  /** Works in one place, and in as many of the others as nobody wants just then. @param most of them in all */
  async useUpTo<T>(most: number, work: (places: number) => Promise<T>): Promise<T> {
    await this.acquire();
    const more = Math.min(this.free, most - 1);
    this.free -= more;
    try {
      return await work(1 + more);
    } finally {
      for (let place = 0; place <= more; place++) this.release();
    }
  }
}
