import { mkdirSync } from 'node:fs';
import type { PostgresAddress } from '@hozen/dbms';
import { logger } from '@hozen/telemetry';
import { aJob } from './job.fixture.js';
import type { AttemptContext, BackupJob } from './job.js';
import { checkRoom } from './methods/check-room.js';
import { methodOf } from './methods/methods.js';
import { cleanUp } from './storage/clean-up.js';
import { commitArtefact } from './storage/commit-artefact.js';
import type { CommittedArtefact } from './storage/committed-artefact.js';
import { openArtefact } from './storage/open-artefact.js';

/** A context that takes everything and stops nothing. */
export function quietContext(change: Partial<AttemptContext> = {}): AttemptContext {
  const log = logger('test');
  log.level = 'silent';
  return {
    signal: new AbortController().signal,
    progress: () => undefined,
    ensureLease: () => undefined,
    log,
    lineage: {
      newest: () => Promise.resolve(undefined),
      copyWithoutLog: () => Promise.resolve(undefined),
      choose: () => Promise.resolve(),
    },
    ...change,
  };
}

/** A job that backs up `address` into `folder`. */
export function jobFor(address: PostgresAddress, folder: string, change: Partial<BackupJob> = {}): BackupJob {
  const job = aJob(folder, change);
  const { host, port, user, password } = address;
  // Each process has its own environment; a name of its own keeps tests apart.
  const variable = `HOZEN_TEST_PASSWORD_${port}`;
  process.env[variable] = password ?? '';
  Object.assign(job.target, { host, port, user, password: `env:${variable}` });
  mkdirSync(job.spoolDir, { recursive: true, mode: 0o711 });
  return job;
}

/** All of a backup but its proof, as a run does it. Cleans up after itself when it fails. */
export async function backUp(job: BackupJob, context = quietContext()): Promise<CommittedArtefact> {
  try {
    await using target = await methodOf(job.config.method).check(job, context);
    await checkRoom(job, Promise.resolve(target));
    const writer = await openArtefact(job);
    try {
      const summary = await target.dump(job, writer, context);
      return await commitArtefact(job, writer, summary, context);
    } finally {
      await writer.abort();
    }
  } catch (error) {
    await cleanUp(job);
    throw error;
  }
}
