import { join } from 'node:path';
import { HozenError, type ProofFacts } from '@hozen/contracts';
import { PrivateMariadb, removeFolder } from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import type { AttemptContext, BackupJob } from '../job.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { askMariadb, failedAssertions, notTrue } from './assertions.js';
import { serverLike } from './copied-mariadb.js';
import { restoreDump } from './restore-dump.js';
import { scratchFolder } from './scratch-server.js';

/**
 * Proves a dump: restores it into a scratch server of the same release series, dumps that in the same way, and compares
 * the text of every table and of all definitions. Leaves nothing, however it ends.
 * @throws HozenError CONTENT_DIFFERS naming what differs, SANDBOX_FAILED, ARTEFACT_CORRUPT, STORAGE_IO
 */
export async function proveMariadb(
  job: BackupJob,
  artefact: CommittedArtefact,
  context: AttemptContext,
): Promise<ProofFacts> {
  return inSpan('prove by restore', { attributes: { 'file.path': artefact.path } }, async () => {
    const started = performance.now();
    const scratch = await scratchFolder(job);
    try {
      await using server = await startScratch(scratch, artefact, context);
      const tables = await restoreDump(server.address(), artefact, context);
      const failed = await failedAssertions(job.config.assertions ?? [], askMariadb(server.address()));
      const databases = artefact.manifest.databases.length;
      const seconds = (performance.now() - started) / 1000;
      return { level: 'restore', databases, tables, seconds, ...notTrue(failed) };
    } finally {
      await removeFolder(scratch);
    }
  });
}

async function startScratch(
  scratch: string,
  artefact: CommittedArtefact,
  { signal }: Pick<AttemptContext, 'signal'>,
): Promise<PrivateMariadb> {
  const like = await serverLike(artefact);
  try {
    return await PrivateMariadb.start({ dataDir: join(scratch, 'data'), ...like, sandbox: {}, signal });
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof HozenError && cause.code === 'SANDBOX_MISSING') throw cause;
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new HozenError('SANDBOX_FAILED', {}, { detail, cause });
  }
}
