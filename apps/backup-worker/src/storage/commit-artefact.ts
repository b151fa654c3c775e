import { basename } from 'node:path';
import { inSpan } from '@hozen/telemetry';
import type { WrittenArtefact } from '../artefact/artefact-writer.js';
import { restoreCommands } from '../artefact/restore-commands.js';
import { signerOf } from '../artefact/signature.js';
import type { Manifest } from '../artefact/manifest.js';
import type { BackupJob } from '../job.js';
import type { DumpSummary } from '../methods/dump-summary.js';
import { artefactPaths, compressionOf } from './artefact-paths.js';
import { describe, type CommittedArtefact } from './committed-artefact.js';
import type { OpenArtefact } from './open-artefact.js';
import { storageOf } from './storage-of.js';
import type { Fence } from './storage.js';

/**
 * Publishes an artefact: data, checksum, signature, and last the manifest, each created only if nothing stands there. Whoever
 * looks at the storage sees either no manifest or a whole artefact.
 * @throws HozenError STORAGE_CONFLICT when another artefact stands there; LEASE_LOST; of the STORAGE_ and DISK_ codes
 */
export async function commitArtefact(
  job: BackupJob,
  writer: OpenArtefact,
  summary: DumpSummary,
  fence: Fence,
): Promise<CommittedArtefact> {
  const paths = artefactPaths(job);
  return inSpan('commit artefact', { attributes: { 'file.path': paths.data } }, async (span) => {
    const written = await writer.finish(summary.contents);
    span.setAttribute('file.size', written.bytes);
    const manifest = manifestOf(job, written, summary);
    const { fileKey } = writer.sink;
    const checksum = `${written.sha256}  ${basename(paths.data)}\n`;
    const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
    const { signing } = job.config;
    const signature = signing && { signature: (await signerOf(signing))(text) };
    const files = summary.physical && { files: summary.physical.list };
    await writer.sink.publish({ checksum, ...files, manifest: text, ...signature }, fence);
    const findFileKey = fileKey && (() => Promise.resolve(fileKey));
    return describe(paths.manifest, manifest, storageOf(job.config.storage), findFileKey);
  });
}

function manifestOf(job: BackupJob, written: WrittenArtefact, summary: DumpSummary): Manifest {
  const file = basename(artefactPaths(job).data);
  const { bytes, originalBytes, sha256, plain, index } = written;
  const recipients = job.config.encryption?.recipients ?? [];
  return {
    format: summary.format,
    version: 1,
    runId: job.runId,
    epoch: job.epoch,
    attempt: job.attempt,
    config: job.config.name,
    target: { name: job.target.name, systemIdentifier: summary.server.systemIdentifier },
    level: summary.level ?? job.level,
    trigger: job.trigger,
    startedAt: job.startedAt.toISOString(),
    committedAt: new Date().toISOString(),
    ...serverOf(summary),
    tools: summary.server.tools,
    compression: compressionOf(job),
    artefact: { file, bytes, originalBytes, sha256 },
    ...(plain ? { encryption: { format: 'age-v1', recipients, plain } } : {}),
    index,
    databases: summary.databases,
    ...(summary.physical ? { physical: summary.physical.facts } : {}),
    ...(summary.wal ? { wal: summary.wal } : {}),
    ...(summary.files ? { files: summary.files.facts } : {}),
    ...(summary.git ? { git: summary.git } : {}),
    tablespaces: summary.tablespaces,
    ...(summary.sql ? { sql: true as const } : {}),
    ...(summary.parts ? { parts: summary.parts } : {}),
    warnings: summary.warnings,
    restore: restoreCommands(file, summary),
  };
}

function serverOf({ mariadb, files, server }: DumpSummary): Pick<Manifest, 'postgres' | 'mariadb'> {
  if (mariadb) return { mariadb };
  if (files) return {};
  const { version, major, superuser, inRecovery } = server;
  return { postgres: { version, major, superuser, inRecovery } };
}
