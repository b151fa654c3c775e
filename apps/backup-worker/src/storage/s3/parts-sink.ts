import { createHash } from 'node:crypto';
import { HozenError } from '@hozen/contracts';
import type { PartPlan } from './part-plan.js';
import type { Upload } from './upload.js';

/** Cuts what it is given into equal parts and sends some of them at a time. Its memory is that of the plan. */
export class PartsSink {
  readonly #hash = createHash('sha256');
  readonly #spare: Buffer[] = [];
  readonly #sending = new Set<Promise<void>>();
  #failure: { error: unknown } | undefined;
  #current: Buffer;
  #filled = 0;
  #number = 1;
  #bytes = 0;

  constructor(
    private readonly upload: Upload,
    private readonly plan: PartPlan,
    private readonly maxParts: number,
  ) {
    this.#current = Buffer.allocUnsafeSlow(plan.partBytes);
  }

  async write(bytes: Buffer): Promise<void> {
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
    for (let from = 0; from < bytes.length;) {
      // Only now is it known that the full part is not the last one.
      if (this.#filled === this.plan.partBytes) await this.#turn();
      const copied = bytes.copy(this.#current, this.#filled, from);
      from += copied;
      this.#filled += copied;
    }
  }

  async finish(): Promise<{ bytes: number; sha256: string }> {
    this.#send(this.#current.subarray(0, this.#filled));
    await this.settle();
    this.#throwFailure();
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex') };
  }

  /** Waits until nothing is being sent. Never throws. */
  async settle(): Promise<void> {
    while (this.#sending.size > 0) await Promise.all(this.#sending);
  }

  async #turn(): Promise<void> {
    if (this.#number === this.maxParts) {
      const { partBytes } = this.plan;
      const params = { parts: this.maxParts, partSize: `${partBytes / 1024 ** 2} MiB`, path: this.upload.path };
      throw new HozenError('STORAGE_TOO_LARGE', params);
    }
    while (this.#sending.size >= this.plan.atATime) await Promise.race(this.#sending);
    this.#throwFailure();
    this.#send(this.#current);
    this.#current = this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.plan.partBytes);
    this.#filled = 0;
  }

  #send(part: Buffer): void {
    const sending = this.upload
      .part(this.#number++, part)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#sending.delete(sending);
        if (part.length === this.plan.partBytes) this.#spare.push(part);
      });
    this.#sending.add(sending);
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure.error;
  }
}
