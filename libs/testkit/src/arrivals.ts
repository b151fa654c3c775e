import type { Patience } from './eventually.js';

/** What a double has received, and who waits for more of it. */
export class Arrivals<T> {
  readonly all: T[] = [];
  private readonly waiting = new Set<() => void>();

  constructor(private readonly describe: (item: T) => string) {}

  add(item: T): void {
    this.all.push(item);
    for (const look of this.waiting) look();
  }

  /** The first that satisfies `wanted`, whether it is there already or yet to come. */
  async waitFor(wanted: (item: T) => boolean, patience: Patience = {}): Promise<T> {
    const [item] = await this.when(() => {
      const found = this.all.find(wanted);
      return found === undefined ? undefined : [found];
    }, patience);
    return item;
  }

  /** Waits until there are at least `count`. */
  async waitForCount(count: number, patience: Patience = {}): Promise<readonly T[]> {
    return this.when(() => (this.all.length >= count ? this.all : undefined), patience);
  }

  private when<R>(look: () => R | undefined, { within = 10_000 }: Patience): Promise<R> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer);
        this.waiting.delete(check);
      };
      const check = () => {
        const found = look();
        if (found === undefined) return;
        settle();
        resolve(found);
      };
      const timer = setTimeout(() => {
        settle();
        const seen = this.all.map((item) => `\n- ${this.describe(item)}`).join('');
        reject(new Error(`it did not arrive within ${within} ms; ${this.all.length} arrived:${seen}`));
      }, within);
      this.waiting.add(check);
      check();
    });
  }
}
