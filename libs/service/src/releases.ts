/** What was acquired, to be released in reverse order; a failure in between does not keep the rest. */
export class Releases {
  readonly #steps: { name: string; release: () => Promise<unknown> }[] = [];
  #released: Promise<void> | undefined;

  /** To be called right after the thing was acquired. */
  push(name: string, release: () => Promise<unknown>): void {
    this.#steps.push({ name, release });
  }

  /** Safe to call again. @throws AggregateError with every failure */
  releaseAll(): Promise<void> {
    this.#released ??= this.#run();
    return this.#released;
  }

  async #run(): Promise<void> {
    const failures: Error[] = [];
    for (const { name, release } of this.#steps.toReversed()) {
      try {
        await release();
      } catch (error) {
        failures.push(new Error(`stopping ${name} failed`, { cause: error }));
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'the service did not stop cleanly');
  }
}
