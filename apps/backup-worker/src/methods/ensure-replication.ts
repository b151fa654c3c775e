import { HozenError } from '@hozen/contracts';
import type { PostgresAddress } from '@hozen/dbms';

/** What the replication protocol needs of a server. */
export interface ReplicationFacts {
  mayReplicate: boolean;
  walLevel: string;
  maxWalSenders: number;
  maxReplicationSlots: number;
}

/** A setting of a target that does not do. */
export function unsuitable(target: string, setting: string, value: string | number, needed: string): HozenError {
  return new HozenError('TARGET_UNSUITABLE', { target, setting, value, needed });
}

/** @throws HozenError TARGET_REPLICATION_MISSING */
export function ensureRight({ target, user }: PostgresAddress, { mayReplicate }: ReplicationFacts): void {
  if (!mayReplicate) throw new HozenError('TARGET_REPLICATION_MISSING', { target, user });
}

/** @throws HozenError TARGET_UNSUITABLE */
export function ensureSettings({ target }: PostgresAddress, facts: ReplicationFacts): void {
  if (facts.walLevel === 'minimal') throw unsuitable(target, 'wal_level', facts.walLevel, 'replica or logical');
  if (facts.maxWalSenders === 0) throw unsuitable(target, 'max_wal_senders', 0, '1 or more');
  if (facts.maxReplicationSlots === 0) throw unsuitable(target, 'max_replication_slots', 0, '1 or more');
}
