import { createHash } from 'node:crypto';
import { HozenError } from '@hozen/contracts';
import { asTargetError, parseLsn, type TargetClient } from '@hozen/dbms';
import type { BackupJob } from '../../job.js';
import { CREATE_SLOT, DROP_SLOT, FIND_SLOT } from './log-facts.sql.js';

/** The slot that holds WAL on the target until a log of this config has it. */
export function logSlotName({ config }: Pick<BackupJob, 'config'>): string {
  return slotName('hozen_wal', config);
}

/** That of the receiver of this config, and its name for synchronous_standby_names. */
export function receiverSlotName({ config }: Pick<BackupJob, 'config'>): string {
  return slotName('hozen_receiver', config);
}

function slotName(kind: string, { target, name }: BackupJob['config']): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([target, name]))
    .digest('hex');
  return `${kind}_${hash.slice(0, 16)}`;
}

/**
 * The slot, made where there is none or where the server has given it up.
 * @returns where the WAL begins that it holds
 * @throws HozenError of the TARGET_ codes
 */
export async function ensureSlot(client: TargetClient, name: string): Promise<bigint> {
  try {
    const found = await findSlot(client, name);
    if (found !== undefined) return found;
    await client.query(CREATE_SLOT, [name]);
    return (await findSlot(client, name)) ?? 0n;
  } catch (error) {
    throw asTargetError(error, client.address);
  }
}

async function findSlot(client: TargetClient, name: string): Promise<bigint | undefined> {
  const { rows } = await client.query<{ type: string; restartLsn: string | null; walStatus: string | null }>(
    FIND_SLOT,
    [name],
  );
  const [slot] = rows;
  if (!slot) return undefined;
  if (slot.type !== 'physical') {
    const { target } = client.address;
    throw new HozenError('TARGET_UNSUITABLE', {
      target,
      setting: `slot ${name}`,
      value: slot.type,
      needed: 'physical',
    });
  }
  // It outgrew max_slot_wal_keep_size: it holds nothing, and never will again.
  if (slot.walStatus !== 'lost' && slot.restartLsn !== null) return parseLsn(slot.restartLsn);
  await client.query(DROP_SLOT, [name]);
  return undefined;
}
