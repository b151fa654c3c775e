import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Outbox } from '@hozen/messaging';
import { logger } from '@hozen/telemetry';
import { DataSource } from 'typeorm';
import type { DueSchedule } from './claim-due.js';
import { fireDueSchedule } from './fire-due-schedule.js';
import { fireFailures } from './metrics.js';
import { adoptTimeZoneData } from './time-zone-change.js';

const TICK_MS = 1000;
/** How long a schedule that could not be fired lets the others go first. */
const POSTPONE_SECONDS = 10;

const log = logger('firing');

/** Looks every second for what is due. Every instance does; none is the leader. */
@Injectable()
export class FireLoop implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly dataSource: DataSource,
    private readonly outbox: Outbox,
  ) {}

  onApplicationBootstrap(): void {
    this.running = this.run();
  }

  /** Ends after the transaction that is under way. */
  async onModuleDestroy(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    let adopted = false;
    while (!this.stopping.signal.aborted) {
      try {
        if (!adopted) await adoptTimeZoneData(this.dataSource);
        adopted = true;
        await this.fireAllDue();
      } catch (error) {
        // The database is away or restarting. What is due stays due.
        fireFailures.add(1);
        log.error({ err: error }, 'looking for due schedules failed; it is tried again');
      }
      await sleep(TICK_MS, undefined, { signal: this.stopping.signal }).catch(() => undefined);
    }
  }

  private async fireAllDue(): Promise<void> {
    let more = true;
    while (more && !this.stopping.signal.aborted) more = await this.fireOne();
  }

  /** A schedule that cannot be fired must not hold up the others: it is put off, with its error, and tried again. */
  private async fireOne(): Promise<boolean> {
    let claimed: DueSchedule | undefined;
    try {
      return await fireDueSchedule(this.outbox, (due) => {
        claimed = due;
      });
    } catch (error) {
      if (!claimed) throw error;
      fireFailures.add(1);
      log.error({ err: error, schedule: claimed.name }, 'a schedule could not be fired; it is tried again');
      await this.dataSource.query(
        `update schedules set not_before = now() + make_interval(secs => $2), last_error = $3 where id = $1`,
        [claimed.id, POSTPONE_SECONDS, (error as Error).message],
      );
      return true;
    }
  }
}
