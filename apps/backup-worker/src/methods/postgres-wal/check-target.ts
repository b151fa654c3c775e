import { warningText } from '@hozen/contracts';
import {
  addressOf,
  connect,
  inspectCluster,
  parseLsn,
  sessionName,
  terminateOlderSessions,
  type ClusterFacts,
  type PostgresAddress,
} from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import type { AttemptContext, BackupJob } from '../../job.js';
import { ensureRight, ensureSettings, unsuitable, type ReplicationFacts } from '../ensure-replication.js';
import { serverOf } from '../server-target.js';
import { readRow } from '../read-row.js';
import { watchArchive } from './archive-watch.js';
import { findEarlierLog, type EarlierLog } from './earlier-log.js';
import { LOG_FACTS } from './log-facts.sql.js';
import { ensureSlot, logSlotName, receiverSlotName } from './log-slot.js';
import { watchSlot } from './slot-watch.js';
import { WAL_PAGE_BYTES } from './wal-reader.js';

/** A server whose WAL may be copied. Holds the secret in its address. */
export interface LogTarget {
  address: PostgresAddress;
  facts: ClusterFacts;
  segmentBytes: number;
  slot: string;
  /** The slot holds WAL from here on. */
  heldFrom: bigint;
  /** Of WAL, at most. */
  bytes: number;
  /** What it goes on from; or why that is not known, where there should be one. */
  earlier: EarlierLog | string | undefined;
  warnings: string[];
}

interface FactsRow extends ReplicationFacts {
  flushed: string;
  walBlockSize: number;
  walSegmentBytes: number;
  maxSlotKeep: string;
  /** What the server has archived last, where it archives. */
  lastArchived: string | null;
}

/**
 * Looks whether the WAL of the target can be copied, ends what an earlier owner of this run left open there, and has the
 * server hold the WAL from now on.
 * @throws HozenError TARGET_REPLICATION_MISSING, TARGET_UNSUITABLE, and as every connection
 */
export async function checkLogTarget(
  job: BackupJob,
  context: Pick<AttemptContext, 'progress' | 'lineage'>,
): Promise<LogTarget> {
  return inSpan('check target', { attributes: { 'hozen.target': job.target.name } }, async () => {
    context.progress({ phase: 'checking', item: job.target.name });
    const address = await addressOf(serverOf(job.target));
    await using client = await connect(address, { applicationName: sessionName(job.runId, job.epoch) });
    if (job.attempt > 1) await terminateOlderSessions(client, `hozen/${job.runId}`, job.epoch);
    const facts = await inspectCluster(client);
    const row = await readRow<FactsRow>(client, LOG_FACTS);
    ensureRight(address, row);
    ensureSettings(address, row);
    if (row.walBlockSize !== WAL_PAGE_BYTES) {
      throw unsuitable(job.target.name, 'wal_block_size', row.walBlockSize, String(WAL_PAGE_BYTES));
    }
    const slot = logSlotName(job);
    // Before it is made anew where the server has given it up.
    const warnings = await watchSlot(client, slot, facts.systemIdentifier);
    warnings.push(...(await watchArchive(job, row.lastArchived)));
    if (job.config.continuous) {
      warnings.push(...(await watchSlot(client, receiverSlotName(job), facts.systemIdentifier, 'receiver')));
    }
    if (row.maxSlotKeep === '-1') warnings.push(warningText('slot.no-limit'));
    const heldFrom = await ensureSlot(client, slot);
    const earlier = await findEarlierLog(job, context);
    const flushed = parseLsn(row.flushed);
    const from = isOf(facts, earlier) ? parseLsn(earlier.wal.wholeUntilLsn) : heldFrom;
    // The slot holds what the earlier log has, too, until this one is made.
    const bytes = Math.max(0, Number(flushed - (from > heldFrom && from <= flushed ? from : heldFrom)));
    return { address, facts, segmentBytes: row.walSegmentBytes, slot, heldFrom, bytes, earlier, warnings };
  });
}

function isOf({ systemIdentifier }: ClusterFacts, earlier: EarlierLog | string | undefined): earlier is EarlierLog {
  return typeof earlier === 'object' && earlier.manifest.target.systemIdentifier === systemIdentifier;
}
