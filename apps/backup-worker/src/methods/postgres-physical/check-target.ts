import { warningText } from '@hozen/contracts';
import type { HozenError, TargetSpec } from '@hozen/contracts';
import {
  addressOf,
  connect,
  inspectCluster,
  sessionName,
  terminateOlderSessions,
  type ClusterFacts,
  type PostgresAddress,
  type TargetClient,
} from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import type { AttemptContext, BackupJob } from '../../job.js';
import { ensureRight, ensureSettings, unsuitable, type ReplicationFacts } from '../ensure-replication.js';
import { serverOf } from '../server-target.js';
import { readRow } from '../read-row.js';
import { CONFIG_FILES, PHYSICAL_FACTS, READ_FILE } from './physical-facts.sql.js';
import { localDirectory } from './local-directory.js';
import { PAGE_BYTES } from './incremental-file.js';
import type { PhysicalFacts } from './physical-facts.js';

/** The first version that lists the files of a backup, with their sums. */
const OLDEST_MAJOR = 13;

/** A server whose files may be copied. Holds the secret in its address. */
export interface PhysicalTarget {
  address: PostgresAddress;
  facts: ClusterFacts;
  physical: PhysicalFacts;
  /** Its data directory, where that can be read on this machine. */
  directory: string | undefined;
  /** Configuration outside of the data directory. */
  configFiles: { path: string; content: Buffer }[];
  warnings: string[];
}

interface FactsRow extends PhysicalFacts, ReplicationFacts {
  blockSize: number;
}

/**
 * Looks whether the files of the target can be copied, and ends what an earlier owner of this run left open there.
 * @throws HozenError TARGET_REPLICATION_MISSING, TARGET_UNSUITABLE, and as every connection
 */
export async function checkPhysicalTarget(
  job: BackupJob,
  context: Pick<AttemptContext, 'progress' | 'log'>,
): Promise<PhysicalTarget> {
  return inSpan('check target', { attributes: { 'hozen.target': job.target.name } }, async () => {
    context.progress({ phase: 'checking', item: job.target.name });
    const address = await addressOf(serverOf(job.target));
    await using client = await connect(address, { applicationName: sessionName(job.runId, job.epoch) });
    if (job.attempt > 1) await terminateOlderSessions(client, `hozen/${job.runId}`, job.epoch);
    const facts = await inspectCluster(client);
    const physical = await readRow<FactsRow>(client, PHYSICAL_FACTS);
    ensureSuitable(address, facts, physical);
    const { files: configFiles, warnings } = await readConfigFiles(client);
    for (const warning of warnings) context.log.warn({ target: job.target.name }, warning);
    const directory =
      job.config.copyBy === 'server' ? undefined : await localDirectory(physical, facts.systemIdentifier);
    if (job.config.copyBy === 'files' && directory === undefined) throw notHere(serverOf(job.target), physical);
    return { address, facts, physical, directory, configFiles, warnings };
  });
}

function ensureSuitable(address: PostgresAddress, { major }: ClusterFacts, facts: FactsRow): void {
  const { target } = address;
  ensureRight(address, facts);
  if (major < OLDEST_MAJOR) throw unsuitable(target, 'server_version', major, `${OLDEST_MAJOR} or newer`);
  ensureSettings(address, facts);
  if (facts.blockSize !== PAGE_BYTES) throw unsuitable(target, 'block_size', facts.blockSize, String(PAGE_BYTES));
}

function notHere({ name: target }: TargetSpec, { dataDirectory }: PhysicalFacts): HozenError {
  const [value, needed] = [dataDirectory ?? '(not told to us)', 'a folder of this machine that this worker may read'];
  return unsuitable(target, 'data_directory', value, needed);
}

async function readConfigFiles(
  client: TargetClient,
): Promise<{ files: { path: string; content: Buffer }[]; warnings: string[] }> {
  const { rows } = await client.query<{ path: string; mayRead: boolean }>(CONFIG_FILES);
  const files: { path: string; content: Buffer }[] = [];
  const left: string[] = [];
  for (const { path, mayRead } of rows) {
    const content = mayRead ? await readFile(client, path) : null;
    if (content) files.push({ path, content });
    else left.push(path);
  }
  const warnings = left.map((path) => warningText('file.config-unreadable', { path }));
  return { files, warnings };
}

async function readFile(client: TargetClient, path: string): Promise<Buffer | null> {
  try {
    const { rows } = await client.query<{ content: Buffer | null }>(READ_FILE, [path]);
    return rows[0]?.content ?? null;
  } catch {
    return null;
  }
}
