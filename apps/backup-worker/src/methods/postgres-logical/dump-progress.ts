import type { AttemptContext } from '../../job.js';

/** Milliseconds between two reports. */
const EVERY = 250;
/** Indexes take about this share of a database; they are not dumped. */
const INDEX_SHARE = 0.25;

/**
 * Adds up what all streams have read. What is expected starts as the size on the server and gets truer with every
 * database that is opened and every stream that ends.
 */
export class DumpProgress {
  readonly #databases = new Map<string, number>();
  readonly #streams = new Map<string, { expected: number; read: number }>();
  #bytes = 0;
  #reported = 0;

  constructor(private readonly context: Pick<AttemptContext, 'progress'>) {}

  /** A database that is not opened yet. */
  database(name: string, bytes: number): void {
    this.#databases.set(name, bytes * (1 - INDEX_SHARE));
  }

  opened(name: string, streams: { name: string; bytes: number }[]): void {
    this.#databases.delete(name);
    for (const stream of streams) this.#streams.set(stream.name, { expected: stream.bytes, read: 0 });
  }

  read(stream: string, item: string, bytes: number): void {
    this.#bytes += bytes;
    const counted = this.#streams.get(stream);
    if (counted) counted.read += bytes;
    const now = performance.now();
    if (now - this.#reported < EVERY) return;
    this.#reported = now;
    this.context.progress({ phase: 'dumping', bytes: this.#bytes, expectedBytes: this.#expected(), item });
  }

  ended(stream: string): void {
    const counted = this.#streams.get(stream);
    if (counted) counted.expected = counted.read;
  }

  #expected(): number {
    let sum = 0;
    for (const bytes of this.#databases.values()) sum += bytes;
    for (const { expected, read } of this.#streams.values()) sum += Math.max(expected, read);
    return Math.round(sum);
  }
}
