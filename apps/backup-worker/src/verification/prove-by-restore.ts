import { HozenError, type ProofFacts } from '@hozen/contracts';
import {
  connect,
  findTools,
  inspectCluster,
  removeFolder,
  sessionName,
  toolEnvironment,
  type PrivatePostgres,
} from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import type { ArtefactIndex } from '../artefact/artefact-index.js';
import { postgresOf } from '../artefact/manifest.js';
import { ArtefactFile } from '../artefact/artefact-file.js';
import type { AttemptContext, BackupJob } from '../job.js';
import type { CheckedTarget } from '../methods/postgres-logical/checked-target.js';
import { restoreCluster } from '../restore/restore-cluster.js';
import { storedCluster } from '../restore/restore-plan.js';
import { restoreSql } from '../restore/restore-sql.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { compareCluster } from './compare-cluster.js';
import { askPostgres, failedAssertions, notTrue } from './assertions.js';
import { named } from './named.js';
import { asProofError } from './proof-error.js';
import { scratchFolder, startScratchServer } from './scratch-server.js';

/**
 * Proves an artefact: restores it into a scratch server of its own, reads everything back from there, and compares it
 * with what the backup says. Leaves nothing, however it ends.
 * @throws HozenError CONTENT_DIFFERS naming the objects, SANDBOX_FAILED, ARTEFACT_MISSING, ARTEFACT_CORRUPT, STORAGE_IO
 */
export async function proveByRestore(
  job: BackupJob,
  artefact: CommittedArtefact,
  context: Pick<AttemptContext, 'signal' | 'progress'>,
): Promise<ProofFacts> {
  return inSpan('prove by restore', { attributes: { 'file.path': artefact.path } }, async () => {
    const started = performance.now();
    await using file = await ArtefactFile.open(artefact);
    const cluster = await storedCluster(file);
    let failed: string[] = [];
    try {
      await using scratch = await startScratchServer(job, artefact.manifest, cluster, mostTables(file.index));
      await restoreInto(scratch, job, file, artefact, context);
      const differences = await compareWith(scratch, job, file, artefact, context);
      if (differences.length > 0) throw new HozenError('CONTENT_DIFFERS', { what: named(differences) });
      const ask = askPostgres((database) => scratch.address(database), sessionName(job.runId, job.epoch));
      failed = await failedAssertions(job.config.assertions ?? [], ask);
    } catch (error) {
      throw asProofError(error, context.signal);
    } finally {
      await removeFolder(await scratchFolder(job));
    }
    const { databases } = file.index;
    const tables = databases.reduce((sum, database) => sum + database.tables.length, 0);
    const seconds = (performance.now() - started) / 1000;
    return { level: 'restore', databases: databases.length, tables, seconds, ...notTrue(failed) };
  });
}

function mostTables({ databases }: ArtefactIndex): number {
  return databases.reduce(
    (most, { tables, withoutRows = [] }) => Math.max(most, tables.length + withoutRows.length),
    0,
  );
}

async function restoreInto(
  scratch: PrivatePostgres,
  job: BackupJob,
  file: ArtefactFile,
  artefact: CommittedArtefact,
  { signal, progress }: Pick<AttemptContext, 'signal' | 'progress'>,
): Promise<void> {
  const expectedBytes = artefact.originalBytes;
  progress({ phase: 'restoring', bytes: 0, expectedBytes });
  const tools = await findTools(postgresOf(artefact.manifest).major * 10_000);
  if (artefact.manifest.sql) {
    let bytes = 0;
    const onBytes = (more: number, item: string) =>
      progress({ phase: 'restoring', bytes: (bytes += more), expectedBytes, item });
    await restoreSql({ file, address: scratch.address(), tools, signal, onBytes });
    return;
  }
  await restoreCluster({
    artefact,
    address: scratch.address(),
    tools,
    jobs: job.config.jobs,
    spoolDir: job.spoolDir,
    tablespacesInPlace: true,
    signal,
    progress: (update) => progress({ phase: 'restoring', ...update }),
  });
}

async function compareWith(
  scratch: PrivatePostgres,
  job: BackupJob,
  file: ArtefactFile,
  artefact: CommittedArtefact,
  { signal, progress }: Pick<AttemptContext, 'signal' | 'progress'>,
): Promise<string[]> {
  const target = await describeScratch(scratch, job);
  await using env = await toolEnvironment(target.address);
  const expectedBytes = artefact.originalBytes;
  const withoutUnlogged = postgresOf(artefact.manifest).inRecovery;
  let bytes = 0;
  const onBytes = (more: number, item: string) => {
    bytes += more;
    progress({ phase: 'comparing', bytes, expectedBytes, item });
  };
  // Awaited here: the environment must outlive it.
  return await inSpan('compare', {}, () =>
    compareCluster(file, { job, scratch: target, env, withoutUnlogged, signal, onBytes }),
  );
}

async function describeScratch(scratch: PrivatePostgres, job: BackupJob): Promise<CheckedTarget> {
  const address = scratch.address();
  await using client = await connect(address, { applicationName: sessionName(job.runId, job.epoch) });
  const facts = await inspectCluster(client);
  const tools = await findTools(facts.versionNum);
  return { address, facts, tools, databases: facts.databases, bytes: facts.totals.bytes, warnings: [] };
}
