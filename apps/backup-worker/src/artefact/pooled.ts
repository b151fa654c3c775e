/** Bytes in memory that is used again once they are done with. */
export interface Lent {
  bytes: Buffer;
  /** The bytes are done with; to be called once. */
  free(): void;
}

/** Contexts that are made when none is free, and kept. */
export class Pool<T> {
  readonly #idle: T[] = [];

  constructor(private readonly make: () => T) {}

  take(): T {
    return this.#idle.pop() ?? this.make();
  }

  give(context: T): void {
    this.#idle.push(context);
  }
}

/** Bytes that nobody waits for. */
export function owned(bytes: Buffer): Lent {
  return { bytes, free: () => undefined };
}
