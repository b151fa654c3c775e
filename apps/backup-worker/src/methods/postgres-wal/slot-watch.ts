import { warningText } from '@hozen/contracts';
import { join } from 'node:path';
import type { TargetClient } from '@hozen/dbms';
import { freeBytes as freeOf, readable } from '../check-room.js';
import { localDirectory, type ServerPlace } from '../postgres-physical/local-directory.js';
import { readRow } from '../read-row.js';

/** Of the slot, before it is moved on, and of what else keeps WAL on the server's disk. */
export interface SlotFacts extends ServerPlace {
  /** `wal_status`; null where there is no slot. */
  status: string | null;
  isActive: boolean | null;
  /** WAL that the slot keeps. */
  keptBytes: number | null;
  /** What may still be written before the server gives the slot up; null without a limit. */
  safeBytes: number | null;
  limitBytes: number | null;
  maxWalBytes: number;
  archiveMode: string;
  failingSince: string | null;
  lastFailed: string | null;
  failedCount: number;
  lastArchived: string | null;
}

const SLOT_FACTS = `
SELECT slot.wal_status AS "status", slot.active AS "isActive", slot.safe_wal_size::float8 AS "safeBytes",
       pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END,
                       slot.restart_lsn)::float8 AS "keptBytes",
       (SELECT CASE WHEN setting::bigint < 0 THEN NULL ELSE setting::float8 * 1048576 END
          FROM pg_settings WHERE name = 'max_slot_wal_keep_size') AS "limitBytes",
       (SELECT setting::float8 * 1048576 FROM pg_settings WHERE name = 'max_wal_size') AS "maxWalBytes",
       current_setting('archive_mode') AS "archiveMode",
       CASE WHEN archiver.last_failed_time > coalesce(archiver.last_archived_time, '-infinity')
            THEN to_char(archiver.last_failed_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') END AS "failingSince",
       archiver.last_failed_wal AS "lastFailed", archiver.failed_count::float8 AS "failedCount",
       archiver.last_archived_wal AS "lastArchived",
       CASE WHEN current_setting('is_superuser') = 'on' THEN current_setting('data_directory') END AS "dataDirectory",
       current_setting('port')::int AS "port", extract(epoch FROM pg_postmaster_start_time())::float8 AS "startedAt"
  FROM pg_stat_archiver AS archiver
  LEFT JOIN pg_replication_slots AS slot ON slot.slot_name = $1`;

/** Below this share of its limit a slot is in danger: one busy hour more, and the server lets its WAL go. */
const DANGER = 0.25;
/** A slot without a limit that keeps more than this share of what the disk has left is told of. */
const SHARE_OF_FREE = 0.25;
/** Where the disk is on another machine: so many times what the server keeps in good times. */
const TIMES_USUAL = 4;

/** Whose slot it is. */
export type SlotUser = 'log' | 'receiver';

/**
 * Looks what the slot of a log, or of the receiver beside it, does to the server.
 * @returns what is worth a warning
 * @throws HozenError of the TARGET_ codes
 */
export async function watchSlot(
  client: TargetClient,
  slot: string,
  systemIdentifier: string,
  user: SlotUser = 'log',
): Promise<string[]> {
  const facts = await readRow<SlotFacts>(client, SLOT_FACTS, [slot]);
  const directory = await localDirectory(facts, systemIdentifier);
  const freeBytes = directory === undefined ? undefined : await freeOf(join(directory, 'pg_wal'));
  const warnings = slotWarnings(facts, freeBytes, user);
  if (user === 'log') return [...warnings, ...archiverWarnings(facts)];
  return facts.isActive === true ? warnings : [warningText('slot.nobody-receives'), ...warnings];
}

/** @param freeBytes of the server's disk, where it is one of this machine */
export function slotWarnings(facts: SlotFacts, freeBytes: number | undefined, user: SlotUser = 'log'): string[] {
  const about = { whose: warningText(`whose.${user}`), remedy: warningText(`remedy.${user}`) };
  const { status, keptBytes, safeBytes, limitBytes, maxWalBytes } = facts;
  if (status === 'lost') return [warningText('slot.lost', about)];
  if (status === null || keptBytes === null) return [];
  const kept = readable(Math.max(0, keptBytes));
  if (status === 'unreserved') return [warningText('slot.unreserved', { ...about, kept })];
  if (limitBytes !== null && safeBytes !== null && safeBytes < DANGER * limitBytes) {
    return [warningText('slot.near-limit', { ...about, kept, safe: readable(Math.max(0, safeBytes)) })];
  }
  if (limitBytes !== null) return status === 'extended' ? [warningText('slot.extended', { ...about, kept })] : [];
  const most = freeBytes === undefined ? TIMES_USUAL * maxWalBytes : SHARE_OF_FREE * freeBytes;
  if (keptBytes <= most) return [];
  return freeBytes === undefined
    ? [warningText('slot.unlimited', { ...about, kept })]
    : [warningText('slot.unlimited-left', { ...about, kept, free: readable(freeBytes) })];
}

export function archiverWarnings(facts: SlotFacts): string[] {
  const { archiveMode, failingSince, lastFailed, failedCount, lastArchived } = facts;
  if (archiveMode === 'off' || failingSince === null) return [];
  const last = lastArchived ?? 'nothing';
  return [warningText('archive.failing', { file: lastFailed ?? '?', at: failingSince, count: failedCount, last })];
}
