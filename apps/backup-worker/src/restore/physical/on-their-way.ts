/** Bytes, or pieces, that are being written while the next ones come, and those who wait until there is room for more. */
export class OnTheirWay {
  #amount = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(private readonly most: number) {}

  get full(): boolean {
    return this.#amount > this.most;
  }

  begin(amount: number): void {
    this.#amount += amount;
  }

  end(amount: number): void {
    this.#amount -= amount;
    if (this.full) return;
    for (const go of this.#waiting.splice(0)) go();
  }

  /** Waits until there is room again. */
  room(): Promise<void> {
    return this.full ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve();
  }
}
