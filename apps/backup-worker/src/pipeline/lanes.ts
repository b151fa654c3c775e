/** Does so many things at one time, and no more. */
export class Lanes {
  readonly #free: number[];
  readonly #busy = new Set<Promise<void>>();
  #failure: { error: unknown } | undefined;

  constructor(count: number) {
    this.#free = Array.from({ length: count }, (_, lane) => lane);
  }

  /**
   * Begins it as soon as a lane is free.
   * @param work is told its lane, from 0: nobody else is in it meanwhile
   * @throws what earlier work failed with, too
   */
  async run(work: (lane: number) => Promise<void>): Promise<void> {
    while (this.#free.length === 0) await Promise.race(this.#busy);
    if (this.#failure) throw this.#failure.error;
    const working = this.#in(this.#free.pop() ?? 0, work);
    this.#busy.add(working);
    void working.finally(() => this.#busy.delete(working));
  }

  /** Waits until everything is done. */
  async end(): Promise<void> {
    await Promise.all(this.#busy);
    if (this.#failure) throw this.#failure.error;
  }

  async #in(lane: number, work: (lane: number) => Promise<void>): Promise<void> {
    try {
      await work(lane);
    } catch (error) {
      this.#failure ??= { error };
    } finally {
      this.#free.push(lane);
    }
  }
}
