import { join } from 'node:path';
import type { ProofFacts } from '@hozen/contracts';
import { connectMariadb, giveToServer, mariadbDatabases, removeFolder } from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import type { AttemptContext, BackupJob } from '../job.js';
import { chainOf } from '../restore/chain.js';
import { restoreMariadbFiles } from '../restore/mariadb-files.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { askMariadb, failedAssertions, notTrue } from './assertions.js';
import { checkTables, startOnCopy } from './copied-mariadb.js';
import { scratchFolder } from './scratch-server.js';

/**
 * Proves a copy of files: unpacks it with all that it builds on, brings it to one moment, starts a scratch server of the same release
 * series on it, and has that check every table, row by row and index by index. Leaves nothing, however it ends.
 * @throws HozenError CONTENT_DIFFERS naming the tables, SANDBOX_FAILED, ARTEFACT_CORRUPT, STORAGE_IO
 */
export async function proveMariadbFiles(
  job: BackupJob,
  artefact: CommittedArtefact,
  context: AttemptContext,
): Promise<ProofFacts> {
  return inSpan('prove by start', { attributes: { 'file.path': artefact.path } }, async () => {
    const started = performance.now();
    const chain = await chainOf(artefact, job.config);
    const scratch = await scratchFolder(job);
    const directory = join(scratch, 'data');
    try {
      await restoreMariadbFiles({ chain, directory, beside: join(scratch, 'increment'), ...context });
      await giveToServer(scratch);
      await using server = await startOnCopy(directory, artefact, context);
      await using client = await connectMariadb(server.address());
      const tables = await checkTables(client, context);
      const failed = await failedAssertions(job.config.assertions ?? [], askMariadb(server.address()));
      const databases = (await mariadbDatabases(client)).length;
      const seconds = (performance.now() - started) / 1000;
      return { level: 'restore', databases, tables, seconds, ...notTrue(failed) };
    } finally {
      await removeFolder(scratch);
    }
  });
}
