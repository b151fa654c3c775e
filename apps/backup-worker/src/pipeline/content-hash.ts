const SEED_A = 0x9747b28c | 0;
const SEED_B = 0x3c6ef372 | 0;
const MULTIPLY_A = 0x85ebca6b | 0;
const MULTIPLY_B = 0xc2b2ae35 | 0;
const BLOCK = 8;

/**
 * Hash of a set of rows whatever their order: two lanes of 32 bits over each row, added up over all rows.
 *
 * Order must not count: COPY puts rows where the free space map points, so a restored table holds the same rows in
 * another order. A change within one row always changes its sum. Made against accidents and faults, not against
 * somebody who constructs collisions; those are up to the SHA-256 of the artefact.
 *
 * It runs over every byte of a backup: no calls and no allocation per row.
 */
export class ContentHash {
  #rows = 0;
  #sumA = 0;
  #sumB = 0;
  #a = SEED_A;
  #b = SEED_B;
  #length = 0;
  readonly #pending = new DataView(new ArrayBuffer(BLOCK));
  #pendingBytes = 0;

  get rows(): number {
    return this.#rows;
  }

  /** Sets the row that begins apart from equal bytes elsewhere: a large object's number and the place in it. */
  seed(a: number, b: number): void {
    this.#a ^= a;
    this.#b ^= b;
  }

  /** A piece of the current row. */
  update(view: DataView, from: number, to: number): void {
    let at = from;
    this.#length += to - from;
    if (this.#pendingBytes > 0) {
      while (at < to && this.#pendingBytes < BLOCK) this.#pending.setUint8(this.#pendingBytes++, view.getUint8(at++));
      if (this.#pendingBytes < BLOCK) return;
      this.#mix(this.#pending, 0, BLOCK);
      this.#pendingBytes = 0;
    }
    const end = to - ((to - at) % BLOCK);
    this.#mix(view, at, end);
    for (at = end; at < to; at++) this.#pending.setUint8(this.#pendingBytes++, view.getUint8(at));
  }

  /** Ends the current row and adds it up. */
  endRow(): void {
    if (this.#pendingBytes > 0) {
      for (let at = this.#pendingBytes; at < BLOCK; at++) this.#pending.setUint8(at, 0);
      this.#mix(this.#pending, 0, BLOCK);
      this.#pendingBytes = 0;
    }
    // The length tells padding from zeros, and the lanes are crossed so that each sum depends on the whole row.
    const a = Math.imul(this.#a ^ (this.#b >>> 16) ^ this.#length, 0x27d4eb2f);
    const b = Math.imul(this.#b ^ (this.#a >>> 16) ^ this.#length, 0x165667b1);
    this.#sumA = (this.#sumA + (a ^ (a >>> 15))) | 0;
    this.#sumB = (this.#sumB + (b ^ (b >>> 13))) | 0;
    this.#rows++;
    this.#a = SEED_A;
    this.#b = SEED_B;
    this.#length = 0;
  }

  /** Sixteen hexadecimal digits. */
  digest(): string {
    const hex = (sum: number) => (sum >>> 0).toString(16).padStart(8, '0');
    return hex(this.#sumA) + hex(this.#sumB);
  }

  #mix(view: DataView, from: number, to: number): void {
    let a = this.#a;
    let b = this.#b;
    for (let at = from; at < to; at += BLOCK) {
      a = Math.imul(a ^ view.getInt32(at, true), MULTIPLY_A);
      a ^= a >>> 15;
      b = Math.imul(b ^ view.getInt32(at + 4, true), MULTIPLY_B);
      b ^= b >>> 13;
    }
    this.#a = a;
    this.#b = b;
  }
}
