import { performance } from 'node:perf_hooks';
import { logger } from '@hozen/telemetry';

const log = logger('lanes');

export interface WorkLanesSettings<Job> {
  /** How many jobs at a time in this process. */
  lanes: number;
  /** Milliseconds between looks while there is nothing to do; default 1000. */
  pollMs?: number;
  /** Takes the next job, or says that there is none. */
  claim: () => Promise<Job | undefined>;
  /**
   * Does the job and settles it; must not throw for what it can settle.
   * @param claimedAt `performance.now()` from before the claim was sent, for the lease
   * @param stopping aborts when the lanes are asked to stop
   */
  work: (job: Job, claimedAt: number, stopping: AbortSignal) => Promise<void>;
}

/**
 * Claims jobs and does them, several at a time, with any number of processes beside this one. Polling is the truth;
 * `wake` only saves the wait when this process itself has just written a job.
 */
export class WorkLanes<Job> {
  readonly #stopping = new AbortController();
  readonly #sleepers = new Set<() => void>();
  #done: Promise<unknown> = Promise.resolve();

  constructor(private readonly settings: WorkLanesSettings<Job>) {}

  start(): void {
    this.#done = Promise.all(Array.from({ length: this.settings.lanes }, () => this.#lane()));
  }

  /**
   * There may be something to claim. One lane looks, and whoever finds something wakes the next: all of them at once would
   * ask the database for one job as many times as there are lanes.
   */
  wake(): void {
    const [first] = this.#sleepers;
    first?.();
  }

  /** Whether a lane would look for something to claim now. */
  get hasFree(): boolean {
    return this.#sleepers.size > 0 && !this.#stopping.signal.aborted;
  }

  /** Stops claiming and tells running jobs; resolves when all lanes are empty. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const wakeUp of this.#sleepers) wakeUp();
    await this.#done;
  }

  async #lane(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      // Before the claim is sent: a lease that is counted from later would outlast the row's.
      const claimedAt = performance.now();
      const sleep = this.#sleep();
      try {
        const job = await this.settings.claim();
        if (job === undefined) await sleep.over;
        else {
          // Whoever works is not to be woken in the place of one who could look.
          sleep.end();
          this.wake();
          await this.settings.work(job, claimedAt, this.#stopping.signal);
        }
      } catch (error) {
        sleep.end();
        log.warn({ err: error }, 'a lane failed; it goes on after a pause');
        await this.#sleep().over;
      }
    }
  }

  /** Begins before the claim, so that a wake-up between an empty claim and the sleep is not lost. */
  #sleep(): { over: Promise<void>; end: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wakeUp = () => {
      clearTimeout(timer);
      this.#sleepers.delete(wakeUp);
      resolve();
    };
    const timer = setTimeout(wakeUp, this.settings.pollMs ?? 1_000);
    this.#sleepers.add(wakeUp);
    if (this.#stopping.signal.aborted) wakeUp();
    return { over: promise, end: wakeUp };
  }
}
