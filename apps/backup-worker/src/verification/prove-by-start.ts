import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { HozenError, type ProofFacts } from '@hozen/contracts';
import { connect, giveToServer, PrivatePostgres, removeFolder, sessionName, wrongPages } from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import { postgresOf } from '../artefact/manifest.js';
import type { AttemptContext, BackupJob } from '../job.js';
import { chainOf } from '../restore/chain.js';
import { makeStartable } from '../restore/physical/make-startable.js';
import { canBeRead, type CommittedArtefact } from '../storage/committed-artefact.js';
import { asStartError } from './proof-error.js';
import { askPostgres, failedAssertions, notTrue } from './assertions.js';
import { named } from './named.js';
import { readEverything, type ReadCounts } from './read-everything.js';
import { restoreAndCompare } from './restore-and-compare.js';
import { calmSettings, ownConfiguration } from './copied-server.js';
import { scratchFolder } from './scratch-server.js';

/**
 * Proves a copy of files: restores it, with all that it builds on, compares every file with the server's own list, has a
 * scratch server replay the WAL to the end of the backup, reads every row, looks through the B-trees, and checks every
 * page. Leaves nothing, however it ends.
 * @throws HozenError CONTENT_DIFFERS naming the files, SANDBOX_FAILED, ARTEFACT_MISSING, ARTEFACT_CORRUPT, STORAGE_IO
 */
export async function proveByStart(
  job: BackupJob,
  artefact: CommittedArtefact,
  context: AttemptContext,
): Promise<ProofFacts> {
  return inSpan('prove by start', { attributes: { 'file.path': artefact.path } }, async () => {
    const started = performance.now();
    const seconds = () => (performance.now() - started) / 1000;
    const chain = await chainOf(artefact, job.config);
    // The attempt knows the key of its own artefact only.
    if (!chain.every(canBeRead)) {
      return { level: 'checksum', databases: 0, tables: 0, seconds: seconds() };
    }
    const scratch = await scratchFolder(job);
    try {
      const directory = join(scratch, 'data');
      await restoreAndCompare(chain, directory, context);
      const counts = await startAndRead(job, artefact, scratch, context).catch(async (error: unknown) => {
        // A server that did not even start cannot be looked at: its own error counts.
        if (await isDamagedOriginal(artefact, directory, context).catch(() => false)) return undefined;
        throw error;
      });
      const damaged = counts === undefined || (await isDamagedOriginal(artefact, directory, context));
      return {
        level: damaged ? 'checksum' : 'restore',
        databases: counts?.databases ?? 0,
        tables: counts?.tables ?? 0,
        seconds: seconds(),
        ...(damaged ? { damaged } : {}),
        ...notTrue(counts?.failed ?? []),
      };
    } catch (error) {
      throw asStartError(error, context.signal);
    } finally {
      await removeFolder(scratch);
    }
  });
}

async function startAndRead(
  job: BackupJob,
  artefact: CommittedArtefact,
  scratch: string,
  { signal, progress }: Pick<AttemptContext, 'signal' | 'progress'>,
): Promise<(ReadCounts & { failed: string[] }) | undefined> {
  const { physical } = artefact.manifest;
  const postgres = postgresOf(artefact.manifest);
  const directory = join(scratch, 'data');
  const configuration = await ownConfiguration(scratch);
  // Commands and addresses of the original have no business here.
  for (const name of ['postgresql.auto.conf', 'standby.signal', 'recovery.signal']) {
    await rm(join(directory, name), { force: true });
  }
  await makeStartable(directory);
  await giveToServer(scratch);
  await using server = await PrivatePostgres.start({
    dataDir: directory,
    major: postgres.major,
    superuser: postgres.superuser,
    scratch: true,
    sandbox: { reads: [scratch] },
    settings: { ...configuration, ...calmSettings(postgres.major) },
    startTimeoutMs: 24 * 3_600_000,
    signal,
  });
  // It starts; what is damaged on the server is damaged here.
  if (physical?.damaged) return undefined;
  const applicationName = sessionName(job.runId, job.epoch);
  await openAll(server, applicationName);
  let bytes = 0;
  const counts = await readEverything({
    address: server.address(),
    applicationName,
    jobs: job.config.jobs,
    signal,
    onBytes: (more, item) => progress({ phase: 'comparing', bytes: (bytes += more), item }),
  });
  const ask = askPostgres((database) => server.address(database), applicationName);
  const failed = await failedAssertions(job.config.assertions ?? [], ask);
  await server.stop('fast');
  return { ...counts, failed };
}

/** Databases that let nobody in must be whole, too; and settings of roles and databases are not to get in the way. */
async function openAll(server: PrivatePostgres, applicationName: string): Promise<void> {
  await using client = await connect(server.address('template1'), { applicationName });
  await client.query('SET default_transaction_read_only = off; SET statement_timeout = 0');
  await client.query('DELETE FROM pg_db_role_setting');
  await client.query('UPDATE pg_database SET datallowconn = true WHERE datconnlimit <> -2');
}

/**
 * Wrong pages of a copy that equals the original file by file are wrong there, too: the backup is what there is. Where the
 * server looked at them and found them right, the copy would be wrong.
 */
async function isDamagedOriginal(
  { manifest }: CommittedArtefact,
  directory: string,
  { signal }: Pick<AttemptContext, 'signal'>,
): Promise<boolean> {
  const { physical } = manifest;
  const postgres = postgresOf(manifest);
  if (!physical?.dataChecksums || physical.damaged || signal.aborted) return physical?.damaged ?? false;
  const wrong = await wrongPages(directory, postgres.major, signal);
  if (wrong.length > 0 && physical.pagesChecked) throw new HozenError('CONTENT_DIFFERS', { what: named(wrong) });
  return wrong.length > 0;
}
