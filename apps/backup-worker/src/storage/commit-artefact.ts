import { link, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { HozenError } from '@hozen/contracts';
import { failpoint, inSpan } from '@hozen/telemetry';
import type { ArtefactWriter, WrittenArtefact } from '../artefact/artefact-writer.js';
import { restoreCommands } from '../artefact/restore-commands.js';
import type { Manifest } from '../artefact/manifest.js';
import type { AttemptContext, BackupJob } from '../job.js';
import type { DumpSummary } from '../methods/dump-summary.js';
import { artefactPaths, compressionOf, type ArtefactKind } from './artefact-paths.js';
import { describe, readManifest, type CommittedArtefact } from './committed-artefact.js';
import { syncDirectory, writeDurably } from './durable.js';
import { isMissing, onStorage } from './storage-error.js';

/**
 * Publishes an artefact: data, checksum, and last the manifest, each created only if nothing stands there. Whoever
 * looks at the folder sees either no manifest or a whole artefact.
 * @throws HozenError STORAGE_CONFLICT when another artefact stands there; LEASE_LOST; DISK_FULL, STORAGE_UNWRITABLE,
 * STORAGE_IO
 */
export async function commitArtefact(
  job: BackupJob,
  writer: ArtefactWriter,
  summary: DumpSummary,
  context: Pick<AttemptContext, 'ensureLease'>,
): Promise<CommittedArtefact> {
  const paths = artefactPaths(job);
  return inSpan('commit artefact', { attributes: { 'file.path': paths.data } }, async (span) => {
    const written = await writer.finish(summary.contents);
    span.setAttribute('file.size', written.bytes);
    const manifest = manifestOf(job, written, summary);
    return onStorage(paths.data, async () => {
      await writeDurably(paths.partial('checksum'), `${written.sha256}  ${basename(paths.data)}\n`);
      await writeDurably(paths.partial('manifest'), `${JSON.stringify(manifest, undefined, 2)}\n`);
      await failpoint('commit.before-data');
      for (const kind of ['data', 'checksum', 'manifest'] as const) {
        context.ensureLease();
        await publish(job, kind);
        await failpoint(`commit.after-${kind}`);
      }
      await removePartials(job);
      return describe(paths.manifest, manifest);
    });
  });
}

async function publish(job: BackupJob, kind: ArtefactKind): Promise<void> {
  const paths = artefactPaths(job);
  try {
    await link(paths.partial(kind), paths[kind]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw await conflict(job, paths[kind]);
    // A later owner of this run has cleaned up behind us.
    if (isMissing(error)) throw new HozenError('LEASE_LOST', {}, { cause: error });
    throw error;
  }
  await syncDirectory(paths.directory);
}

/** Leftovers of this run were removed when the artefact was opened: what stands there now is somebody else's. */
async function conflict(job: BackupJob, path: string): Promise<HozenError> {
  const other = await readManifest(artefactPaths(job).manifest).catch(() => undefined);
  const code = other?.runId === job.runId ? 'LEASE_LOST' : 'STORAGE_CONFLICT';
  return new HozenError(code, { path }, other ? { detail: `run ${other.runId}, config ${other.config}` } : {});
}

async function removePartials(job: BackupJob): Promise<void> {
  const paths = artefactPaths(job);
  for (const kind of ['manifest', 'checksum', 'data'] as const) await rm(paths.partial(kind), { force: true });
  await syncDirectory(paths.directory);
}

function manifestOf(job: BackupJob, written: WrittenArtefact, summary: DumpSummary): Manifest {
  const file = basename(artefactPaths(job).data);
  const { bytes, originalBytes, sha256, index } = written;
  return {
    format: 'hozen-postgres-logical',
    version: 1,
    runId: job.runId,
    epoch: job.epoch,
    attempt: job.attempt,
    config: job.config.name,
    target: { name: job.target.name, systemIdentifier: summary.server.systemIdentifier },
    level: job.level,
    trigger: job.trigger,
    startedAt: job.startedAt.toISOString(),
    committedAt: new Date().toISOString(),
    postgres: {
      version: summary.server.version,
      major: summary.server.major,
      superuser: summary.server.superuser,
      inRecovery: summary.server.inRecovery,
    },
    tools: summary.server.tools,
    compression: compressionOf(job),
    artefact: { file, bytes, originalBytes, sha256 },
    index,
    databases: summary.databases,
    tablespaces: summary.tablespaces,
    warnings: summary.warnings,
    restore: restoreCommands(file),
  };
}
