/** Where the data of a sparse file lies: it stands before the data, as decimal numbers in lines (GNU sparse 1.0). */
export class SparseMap {
  #text = '';
  #numbers: number[] = [];
  #segment = 0;
  /** Bytes of the segment that were taken. */
  #taken = 0;
  #position = 0;

  /** @returns whether the map is whole; the rest of the block is padding then */
  push(block: Buffer): boolean {
    const lines = (this.#text + block.toString('latin1')).split('\n');
    this.#text = lines.pop() ?? '';
    for (const line of lines) {
      if (!/^\d{1,15}$/.test(line)) throw new RangeError('the map of a sparse file holds no number');
      this.#numbers.push(Number(line));
      if (this.#isWhole()) return true;
    }
    return this.#isWhole();
  }

  /** Bytes of all segments. */
  get storedBytes(): number {
    return this.#numbers.reduce((sum, size, index) => (index > 0 && index % 2 === 0 ? sum + size : sum), 0);
  }

  /** What comes next of at most so many stored bytes: a hole (perhaps of no bytes), and then data. */
  next(most: number): { hole: number; data: number } {
    while (this.#taken === this.#sizeOf(this.#segment)) {
      this.#segment++;
      this.#taken = 0;
    }
    const start = this.#numbers[1 + 2 * this.#segment] ?? 0;
    const hole = start + this.#taken - this.#position;
    if (hole < 0) throw new RangeError('the map of a sparse file is not in order');
    const data = Math.min(most, this.#sizeOf(this.#segment) - this.#taken);
    this.#taken += data;
    this.#position += hole + data;
    return { hole, data };
  }

  #sizeOf(segment: number): number {
    const size = this.#numbers[2 + 2 * segment];
    if (size === undefined) throw new RangeError('a sparse file has more data than its map');
    return size;
  }

  #isWhole(): boolean {
    const [count] = this.#numbers;
    return count !== undefined && this.#numbers.length === 1 + 2 * count;
  }
}
