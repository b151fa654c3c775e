/** Memory that several hold: used again when the last of them has let it go. */
export class SharedBytes {
  #holders = 1;

  /** @param free called once nobody holds it */
  constructor(
    readonly bytes: Buffer,
    private readonly free: () => void = () => undefined,
  ) {}

  hold(): void {
    this.#holders += 1;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders === 0) this.free();
  }
}
