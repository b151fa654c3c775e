import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HozenError, warningText } from '@hozen/contracts';
import { removeFolder } from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import { ArtefactFile } from '../../artefact/artefact-file.js';
import type { ArtefactWriter } from '../../artefact/artefact-writer.js';
import { loadCrc32c } from '../../artefact/crc32c.js';
import { postgresOf, type ManifestPhysical } from '../../artefact/manifest.js';
import type { AttemptContext, BackupJob } from '../../job.js';
import { chainOf } from '../../restore/chain.js';
import { canBeRead, publishedArtefact, type CommittedArtefact } from '../../storage/committed-artefact.js';
import { checkFile } from '../../verification/check-file.js';
import { restoreAndCompare } from '../../verification/restore-and-compare.js';
import type { DumpSummary } from '../dump-summary.js';
import { writeBackupManifest } from './backup-manifest.js';
import { CopiedArchives } from './copied-archives.js';
import { addDescription } from './description.js';
import { FilesCopy } from './files-copy.js';
import { asWhole } from './incremental-file.js';
import { listRestored } from './list-files.js';

/** Earlier backups that can be made into one. */
export interface Combinable {
  /** The full backup first. */
  chain: readonly CommittedArtefact[];
  last: CommittedArtefact;
  physical: ManifestPhysical;
  /** Of the files that come out. */
  bytes: number;
}

/**
 * What a full backup can be combined from, without the server: the newest backup of the config, with all that it builds on.
 * @returns why there is nothing to combine, where there is not
 * @throws HozenError IDENTITY_MISSING where nobody here can read it, and what chainOf throws
 */
export async function findCombinable(
  { config }: BackupJob,
  { lineage }: Pick<AttemptContext, 'lineage'>,
): Promise<Combinable | string> {
  const newest = await lineage.newest(['incremental', 'differential', 'full']);
  if (!newest) return warningText('reason.no-earlier');
  if (newest.chain === 1) return warningText('reason.newest-is-full');
  const { storage, encryption = null, signing = null } = config;
  const last = await publishedArtefact(newest.path, { storage, encryption, signing });
  const chain = await chainOf(last, config);
  const unreadable = chain.find((each) => !canBeRead(each));
  if (unreadable) throw new HozenError('IDENTITY_MISSING', { path: unreadable.path });
  const { physical, databases } = last.manifest;
  if (!physical) throw new HozenError('ARTEFACT_CORRUPT', { path: last.path, what: 'it is no copy of files' });
  return { chain, last, physical, bytes: databases.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/**
 * A full backup of earlier ones: they are restored into the spool, compared with the list of the last, and copied from
 * there. It is of the moment of the last one; the server is not asked. The artefact is not finished here; commitArtefact
 * does.
 * @throws HozenError CONTENT_DIFFERS, of the ARTEFACT_ and STORAGE_ codes, and what the writer throws
 */
export async function combineChain(
  job: BackupJob,
  from: Combinable,
  writer: ArtefactWriter,
  context: AttemptContext,
): Promise<DumpSummary> {
  const { chain, last } = from;
  const attributes = { 'hozen.combined': last.manifest.runId, 'hozen.chain': chain.length };
  return inSpan('combine backups', { attributes }, async () => {
    const started = performance.now();
    // The signature is that of the manifest, and the manifest says which bytes are right.
    if (job.config.signing) for (const each of chain) await checkFile(each, context);
    const directory = join(job.spoolDir, 'combined');
    await removeFolder(directory);
    await restoreAndCompare(chain, directory, context);
    const label = join(directory, 'backup_label');
    await writeFile(label, asWhole(await readFile(label, 'utf8')));
    const { list, warnings } = await copyRestored(job, from, directory, writer, context);
    await removeFolder(directory);
    await writer.addFile('backup_manifest', list);
    await addDescription(writer, job, { configFiles: await configFilesOf(last) }, undefined);
    const seconds = (performance.now() - started) / 1000;
    return summaryOf({ ...from, list, warnings, originalBytes: writer.originalBytes, seconds });
  });
}

async function copyRestored(
  job: BackupJob,
  { last: { manifest }, physical, bytes }: Combinable,
  directory: string,
  writer: ArtefactWriter,
  context: AttemptContext,
): Promise<{ list: string; warnings: string[] }> {
  const archives = new CopiedArchives(job, writer, bytes, context, undefined);
  const copy = new FilesCopy(archives, await loadCrc32c(), context.signal);
  for (const oid of (await readdir(join(directory, 'pg_tblspc'))).toSorted()) {
    const top = join(directory, 'pg_tblspc', oid);
    await copy.archive(`${oid}.tar`, top, await listRestored(top));
  }
  const wal = await readdir(join(directory, 'pg_wal'), { withFileTypes: true });
  const segments = wal.filter((entry) => entry.isFile()).map(({ name }) => name);
  await copy.archive('base.tar', directory, await listRestored(directory), (archive) =>
    copy.addWal(archive, directory, segments.toSorted()),
  );
  const { major } = postgresOf(manifest);
  const { systemIdentifier } = manifest.target;
  const list = writeBackupManifest(copy.files, { ...physical, major, systemIdentifier });
  return { list, warnings: copy.warnings };
}

/** As the last backup has them: `config/paths.txt` has a line with the name in the artefact and the path for each. */
async function configFilesOf(last: CommittedArtefact): Promise<{ path: string; content: Buffer }[]> {
  await using file = await ArtefactFile.open(last);
  if (!file.index.streams.some(({ name }) => name === 'config/paths.txt')) return [];
  const found: { path: string; content: Buffer }[] = [];
  for (const line of (await file.readFile('config/paths.txt')).toString('utf8').split('\n')) {
    const [, name, path] = /^(config\/\S+) (.+)$/.exec(line) ?? [];
    if (name && path) found.push({ path, content: await file.readFile(name) });
  }
  return found;
}

interface Combined extends Combinable {
  list: string;
  warnings: string[];
  originalBytes: number;
  seconds: number;
}

function summaryOf({ chain, last, physical, list, warnings, originalBytes, seconds }: Combined): DumpSummary {
  const { manifest } = last;
  const { parent: _, ...places } = physical;
  const parts = chain.map((each) => each.manifest.physical);
  return {
    format: 'hozen-postgres-physical',
    originalBytes,
    databases: manifest.databases,
    tables: 0,
    tablespaces: manifest.tablespaces,
    warnings,
    level: 'full',
    physical: {
      facts: {
        ...places,
        files: { sha256: createHash('sha256').update(list).digest('hex') },
        increment: 'none',
        pagesChecked: parts.every((each) => each?.pagesChecked),
        damaged: parts.some((each) => each?.damaged),
        combined: { runId: manifest.runId, at: physical.combined?.at ?? manifest.committedAt },
      },
      list,
    },
    server: { ...postgresOf(manifest), systemIdentifier: manifest.target.systemIdentifier, tools: manifest.tools },
    contents: [],
    seconds,
    megabytesPerSecond: originalBytes / 1e6 / Math.max(seconds, 0.001),
  };
}
