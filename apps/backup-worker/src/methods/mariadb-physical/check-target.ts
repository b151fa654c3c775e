import { access, constants } from 'node:fs/promises';
import { HozenError, type TargetSpec } from '@hozen/contracts';
import { COPY_RIGHTS, findMariadbTool, isSocket, seriesOf, type MariadbProgram } from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import type { AttemptContext, BackupJob } from '../../job.js';
import { inspectTarget, type InspectedMariadb } from '../mariadb-logical/inspect-target.js';
import { serverOf } from '../server-target.js';

/** A server whose files may be copied. */
export interface MariadbFilesTarget extends InspectedMariadb {
  backup: MariadbProgram;
}

/** @throws HozenError TARGET_UNSUITABLE, TARGET_RIGHTS_MISSING with the statement that gives them, PROGRAM_MISSING, PROGRAM_TOO_OLD */
export async function checkMariadbFiles(
  job: BackupJob,
  context: Pick<AttemptContext, 'progress'>,
): Promise<MariadbFilesTarget> {
  return inSpan('check target', { attributes: { 'hozen.target': job.target.name } }, async () => {
    context.progress({ phase: 'checking', item: job.target.name });
    ensureLocal(serverOf(job.target));
    const { address, facts } = await inspectTarget(job, ['mariadb'], { mariadb: COPY_RIGHTS });
    const backup = await findMariadbTool('backup');
    if (seriesOf(backup.version) !== seriesOf(facts.version)) {
      throw new HozenError('PROGRAM_TOO_OLD', {
        tool: 'mariadb-backup',
        client: backup.version,
        server: facts.version,
      });
    }
    await ensureHere(job, facts.dataDir);
    return { address, facts, backup };
  });
}

/**
 * Over the network it might be another machine whose server has its files under the same path as one here: the copy would be of
 * both.
 */
function ensureLocal({ name: target, host: value }: TargetSpec): void {
  if (isSocket({ host: value })) return;
  const needed = "the path of the server's socket, on the machine of the worker";
  throw new HozenError('TARGET_UNSUITABLE', { target, setting: 'host', value, needed });
}

/** The files are read where they lie: the server sends none. */
async function ensureHere(job: BackupJob, dataDir: string): Promise<void> {
  try {
    await access(dataDir, constants.R_OK | constants.X_OK);
  } catch (cause) {
    const needed = 'a worker on the machine of the server that may read its files (as root, or as the user mysql)';
    const facts = { target: job.target.name, setting: 'datadir', value: dataDir, needed };
    throw new HozenError('TARGET_UNSUITABLE', facts, { cause });
  }
}
