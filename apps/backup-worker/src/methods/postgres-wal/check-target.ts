import { HozenError } from '@hozen/contracts';
import {
  addressOf,
  asTargetError,
  connect,
  inspectCluster,
  parseLsn,
  sessionName,
  terminateOlderSessions,
  type ClusterFacts,
  type PostgresAddress,
  type TargetClient,
} from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import type { AttemptContext, BackupJob } from '../../job.js';
import { LOG_FACTS } from './log-facts.sql.js';
import { ensureSlot, logSlotName } from './log-slot.js';
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
  warnings: string[];
}

interface FactsRow {
  flushed: string;
  mayReplicate: boolean;
  walLevel: string;
  maxWalSenders: number;
  maxReplicationSlots: number;
  walBlockSize: number;
  walSegmentBytes: number;
  maxSlotKeep: string;
}

const UNLIMITED =
  'The server keeps WAL for this backup without a limit: where backups stop, its disk fills. ' +
  'Set max_slot_wal_keep_size to what its disk can spare.';

/**
 * Looks whether the WAL of the target can be copied, ends what an earlier owner of this run left open there, and has the
 * server hold the WAL from now on.
 * @throws HozenError TARGET_REPLICATION_MISSING, TARGET_UNSUITABLE, and as every connection
 */
export async function checkLogTarget(job: BackupJob, context: Pick<AttemptContext, 'progress'>): Promise<LogTarget> {
  return inSpan('check target', { attributes: { 'hozen.target': job.target.name } }, async () => {
    context.progress({ phase: 'checking', item: job.target.name });
    const address = await addressOf(job.target);
    await using client = await connect(address, { applicationName: sessionName(job.runId, job.epoch) });
    if (job.attempt > 1) await terminateOlderSessions(client, `hozen/${job.runId}`, job.epoch);
    const facts = await inspectCluster(client);
    const row = await readFacts(client);
    ensureSuitable(job.target.name, address, row);
    const slot = logSlotName(job);
    const heldFrom = await ensureSlot(client, slot);
    const warnings = row.maxSlotKeep === '-1' ? [UNLIMITED] : [];
    const bytes = Math.max(0, Number(parseLsn(row.flushed) - heldFrom));
    return { address, facts, segmentBytes: row.walSegmentBytes, slot, heldFrom, bytes, warnings };
  });
}

async function readFacts(client: TargetClient): Promise<FactsRow> {
  try {
    const { rows } = await client.query<FactsRow>(LOG_FACTS);
    const [row] = rows;
    if (!row) throw new Error('the server returned no row');
    return row;
  } catch (error) {
    throw asTargetError(error, client.address);
  }
}

function ensureSuitable(target: string, { user }: PostgresAddress, facts: FactsRow): void {
  if (!facts.mayReplicate) throw new HozenError('TARGET_REPLICATION_MISSING', { target, user });
  const unsuitable = (setting: string, value: string | number, needed: string) =>
    new HozenError('TARGET_UNSUITABLE', { target, setting, value, needed });
  if (facts.walLevel === 'minimal') throw unsuitable('wal_level', facts.walLevel, 'replica or logical');
  if (facts.maxWalSenders === 0) throw unsuitable('max_wal_senders', 0, '1 or more');
  if (facts.maxReplicationSlots === 0) throw unsuitable('max_replication_slots', 0, '1 or more');
  if (facts.walBlockSize !== WAL_PAGE_BYTES) {
    throw unsuitable('wal_block_size', facts.walBlockSize, String(WAL_PAGE_BYTES));
  }
}
