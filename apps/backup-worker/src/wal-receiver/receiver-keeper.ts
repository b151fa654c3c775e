import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { asHozenError, ConfigSpec, requireValid } from '@hozen/contracts';
import { addressOf, connect, formatLsn, type PostgresAddress } from '@hozen/dbms';
import { LeaseKeeper, WorkLanes, workerName } from '@hozen/persistence';
import { logger, withLogFields } from '@hozen/telemetry';
import type { DataSource } from 'typeorm';
import { DROP_SLOT } from '../methods/postgres-wal/log-facts.sql.js';
import { receiverSlotName } from '../methods/postgres-wal/log-slot.js';
import { serverOf } from '../methods/server-target.js';
import { LEASE_SECONDS } from '../runs/lease.js';
import { RENEW_EVERY_MS } from '../runs/under-lease.js';
import { storedTarget } from '../store/stored-target.js';
import { WalArchive } from '../wal-archive/wal-archive.js';
import {
  claimReceiver,
  giveBackReceiver,
  isReceiverWanted,
  renewReceiver,
  type DueReceiver,
} from './claim-receiver.js';
import { receiveWal } from './receive-wal.js';

const log = logger('receiver');

const POLL_MS = 3_000;
/** Most servers whose WAL one worker receives. */
const MOST = 32;
const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 60_000;
/** A receiver that worked for so long begins again with the first pause. */
const HEALTHY_AFTER_MS = 60_000;
/** So often what is received is shown in the archive: if worker and server are lost at once, so much is. */
const SHOW_EVERY_MS = 5_000;

/** Receives the WAL of every config that is continuous, each by one worker of any number. */
export class ReceiverKeeper {
  /** One that claims; what it claimed goes on beside it. */
  readonly #lane: WorkLanes<DueReceiver>;
  readonly #receiving = new Set<Promise<void>>();

  /** @param isWorking false in a process that only answers the API */
  constructor(database: DataSource, spoolRoot: string, isWorking: boolean) {
    const worker = workerName();
    this.#lane = new WorkLanes({
      lanes: isWorking ? 1 : 0,
      pollMs: POLL_MS,
      claim: () => (this.#receiving.size < MOST ? claimReceiver(database, worker) : Promise.resolve(undefined)),
      work: (due, claimedAt, shutdown) => {
        this.#add(keepReceiving({ database, due, claimedAt, shutdown, spoolRoot }));
        return Promise.resolve();
      },
    });
  }

  start(): void {
    this.#lane.start();
  }

  async stop(): Promise<void> {
    await this.#lane.stop();
    await Promise.all(this.#receiving);
  }

  #add(receiving: Promise<void>): void {
    const settled = receiving
      .catch((error: unknown) => log.error({ err: error }, 'receiving WAL failed; another owner goes on'))
      .finally(() => this.#receiving.delete(settled));
    this.#receiving.add(settled);
  }
}

interface Keeping {
  database: DataSource;
  due: DueReceiver;
  claimedAt: number;
  shutdown: AbortSignal;
  spoolRoot: string;
}

/** Until the lease is lost, the config is another one, or the worker stops. */
export async function keepReceiving({ database, due, claimedAt, shutdown, spoolRoot }: Keeping): Promise<void> {
  const now = { receivedUntil: null as string | null, lastError: null as string | null };
  await using lease = LeaseKeeper.keep({
    ttlMs: LEASE_SECONDS * 1000,
    everyMs: RENEW_EVERY_MS,
    claimedAt,
    renew: () => renewReceiver(database, due, now),
  });
  const signal = AbortSignal.any([lease.signal, shutdown]);
  let config: ConfigSpec;
  let address: PostgresAddress | undefined;
  try {
    config = requireValid(ConfigSpec, due.config, 'CONFIG_INVALID');
  } catch (error) {
    log.error({ err: error }, 'the stored config cannot be read; its WAL is not received');
    await delay(LONGEST_PAUSE_MS, undefined, { signal }).catch(() => undefined);
    return;
  }
  const slot = receiverSlotName({ config });
  await withLogFields({ config: config.name, target: config.target }, async () => {
    for (let pause = FIRST_PAUSE_MS; !signal.aborted; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      const begunAt = performance.now();
      try {
        address = await addressOf(serverOf(storedTarget(due.target)));
        await receiveWal({
          address,
          archive: await WalArchive.of(config),
          slot,
          folder: join(spoolRoot, 'received', slot, due.epoch),
          showEveryMs: SHOW_EVERY_MS,
          ensureLease: () => lease.ensure(),
          signal,
          log,
          onProgress: (synced) => {
            now.receivedUntil = formatLsn(synced);
            now.lastError = null;
          },
        });
      } catch (thrown) {
        if (signal.aborted) break;
        if (performance.now() - begunAt > HEALTHY_AFTER_MS) pause = FIRST_PAUSE_MS;
        const error = asHozenError(thrown);
        now.lastError = error.message;
        log.warn({ err: error, seconds: pause / 1000 }, 'receiving WAL ended; it begins again');
        await delay(pause, undefined, { signal }).catch(() => undefined);
      }
    }
    if (shutdown.aborted) await giveBackReceiver(database, due);
    else if (address && !(await isReceiverWanted(database, due))) await dropSlot(address, slot);
  });
}

/** Nobody would ever move it on, and the server's disk would fill. */
async function dropSlot(address: PostgresAddress, slot: string): Promise<void> {
  try {
    await using client = await connect(address, { applicationName: slot });
    await client.query(DROP_SLOT, [slot]);
    log.info({ slot }, 'the WAL is not to be received any more: the slot was dropped');
  } catch (error) {
    log.error({ err: error, slot }, 'the WAL is not to be received any more, but its slot could not be dropped');
  }
}
