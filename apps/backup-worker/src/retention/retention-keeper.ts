import type { Outbox } from '@hozen/messaging';
import { WorkLanes } from '@hozen/persistence';
import { logger } from '@hozen/telemetry';
import type { DataSource } from 'typeorm';
import { claimDeletion, deleteArtefact, type DueDeletion } from './delete-artefact.js';
import { expire, expireAll } from './expire.js';
import { expireWal } from './expire-wal.js';

const log = logger('retention');

/** Age alone makes artefacts expire too, without any run. */
const EXPIRE_EVERY_MS = 10 * 60_000;
/** Every file of an archive is looked at. */
const EXPIRE_WAL_EVERY_MS = 60 * 60_000;
const POLL_MS = 5_000;

/** Applies the rules after each run and now and then, and removes what they let go, one artefact at a time. */
export class RetentionKeeper {
  readonly #lanes: WorkLanes<DueDeletion>;
  #expiredAt = Number.NEGATIVE_INFINITY;
  #walExpiredAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly database: DataSource,
    outbox: Outbox,
  ) {
    this.#lanes = new WorkLanes({
      lanes: 1,
      pollMs: POLL_MS,
      claim: () => this.#next(),
      work: (due) => this.#remove(outbox, due),
    });
  }

  start(): void {
    this.#lanes.start();
  }

  stop(): Promise<void> {
    return this.#lanes.stop();
  }

  /** After a run of a config has ended well. A failure is not the run's: the rules are applied again later. */
  async afterRun(configId: string | null): Promise<void> {
    if (configId === null) return;
    try {
      if (((await expire(this.database, configId)) ?? 0) > 0) this.#lanes.wake();
    } catch (error) {
      log.error({ err: error }, 'the rules of retention could not be applied; they are again later');
    }
  }

  /** Applies all rules now. @returns how many artefacts they let go */
  async applyNow(): Promise<number> {
    const expired = await expireAll(this.database);
    this.#lanes.wake();
    return expired;
  }

  async #next(): Promise<DueDeletion | undefined> {
    const now = performance.now();
    if (now - this.#expiredAt > EXPIRE_EVERY_MS) {
      this.#expiredAt = now;
      await expireAll(this.database);
    }
    const due = await claimDeletion(this.database);
    // After the copies that go: what they needed goes with them.
    if (!due && now - this.#walExpiredAt > EXPIRE_WAL_EVERY_MS) {
      this.#walExpiredAt = now;
      await expireWal(this.database);
    }
    return due;
  }

  async #remove(outbox: Outbox, due: DueDeletion): Promise<void> {
    try {
      await deleteArtefact(outbox, this.database, due);
      log.info({ run_id: due.run_id, path: due.file_path, reasons: due.reasons }, 'an artefact was deleted');
    } catch (error) {
      log.error({ err: error, run_id: due.run_id, path: due.file_path }, 'an artefact could not be deleted');
    }
  }
}
