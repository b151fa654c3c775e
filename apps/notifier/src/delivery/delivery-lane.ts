import { logger } from '@hozen/telemetry';

const log = logger('delivery');

/** Polling is the truth, being woken only saves the wait. */
const POLL_MS = 1000;

/** Delivers one channel's notices, a few at a time, until it is stopped. */
export class DeliveryLane {
  private readonly stopping = new AbortController();
  private readonly workers: Promise<void>[] = [];
  private readonly sleeping = new Set<() => void>();

  /**
   * @param deliver sends one notice; false when none is due
   * @param width notices that may be on their way at the same time
   */
  constructor(
    private readonly deliver: () => Promise<boolean>,
    private readonly width: number,
  ) {}

  start(): void {
    for (let worker = 0; worker < this.width; worker++) this.workers.push(this.work());
  }

  wake(): void {
    for (const wake of this.sleeping) wake();
  }

  /** Takes no more, and waits for what is on its way. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.wake();
    await Promise.all(this.workers);
  }

  private async work(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      const delivered = await this.deliver().catch((error: unknown) => {
        // The database is away, or our own fault: either way the rows stay, and their lease runs out.
        log.error({ err: error }, 'delivering failed; it is tried again');
        return false;
      });
      if (!delivered) await this.sleep();
    }
  }

  private async sleep(): Promise<void> {
    if (this.stopping.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, POLL_MS);
      const { sleeping } = this;
      sleeping.add(done);
      function done(): void {
        clearTimeout(timer);
        sleeping.delete(done);
        resolve();
      }
    });
  }
}
