import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HozenError } from '@hozen/contracts';
import { OptionFile, removeFolder, seriesOf } from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import type { ArtefactWriter } from '../../artefact/artefact-writer.js';
import type { Manifest, ManifestMariadb, ManifestParent } from '../../artefact/manifest.js';
import type { AttemptContext, BackupJob } from '../../job.js';
import { chooseParent, type Chosen } from '../choose-parent.js';
import type { DumpSummary } from '../dump-summary.js';
import { mariadbSummary, pour } from '../mariadb-logical/dump-server.js';
import type { MariadbFilesTarget } from './check-target.js';
import { MARIADB_FILES_README } from './readme.js';
import { MARIADB_FILES_RESTORE_SCRIPT } from './restore-script.js';

/** The stream of all files, as mariadb-backup packs them. */
export const FILES_STREAM = 'backup.xb';

interface Parent {
  reference: ManifestParent;
  toLsn: string;
}

/**
 * Copies the files of a server with mariadb-backup: all of them, or the pages that changed since an earlier backup of the config.
 * @throws HozenError of the TARGET_ codes, TOOL_FAILED, and what the writer throws
 */
export async function copyServer(
  job: BackupJob,
  target: MariadbFilesTarget,
  writer: ArtefactWriter,
  context: AttemptContext,
): Promise<DumpSummary> {
  return inSpan('copy server', { attributes: { 'hozen.target': job.target.name } }, async () => {
    const started = performance.now();
    const chosen = await chooseParent(job, context, ({ manifest, reference }) =>
      parentFrom(manifest, reference, target),
    );
    for (const warning of chosen.warnings) context.log.warn({ target: job.target.name }, warning);
    await writer.addFile('README.txt', MARIADB_FILES_README);
    await writer.addFile('restore.sh', MARIADB_FILES_RESTORE_SCRIPT, 0o700);
    const parentRun = chosen.parent?.reference.runId ?? '-';
    await writer.addFile('chain.txt', `run ${job.runId}\nparent ${parentRun}\n`);
    const work = join(job.spoolDir, 'mariadb-backup');
    await mkdir(work, { recursive: true, mode: 0o700 });
    try {
      await copy(target, chosen.parent, work, writer, context);
      const mariadb = await factsIn(work, target, chosen);
      const seconds = (performance.now() - started) / 1000;
      return {
        ...mariadbSummary(target.facts, target.backup.version, writer, seconds),
        format: 'hozen-mariadb-physical',
        level: chosen.level,
        tables: target.facts.databases.reduce((sum, { tables }) => sum + tables, 0),
        warnings: chosen.warnings,
        mariadb,
      };
    } finally {
      await removeFolder(work);
    }
  });
}

/** @returns why it cannot be built on, where it cannot */
function parentFrom(manifest: Manifest, reference: ManifestParent, { facts }: MariadbFilesTarget): Parent | string {
  const files = manifest.mariadb?.files;
  if (!files) return 'the earlier backup is no copy of files';
  if (manifest.target.systemIdentifier !== facts.systemIdentifier) return 'the earlier backup is of another server';
  if (seriesOf(manifest.mariadb?.version ?? '') !== seriesOf(facts.version)) {
    return 'the server was upgraded since the earlier backup';
  }
  return { reference, toLsn: files.toLsn };
}

async function copy(
  { address, facts, backup }: MariadbFilesTarget,
  parent: Parent | undefined,
  work: string,
  writer: ArtefactWriter,
  context: AttemptContext,
): Promise<void> {
  await using options = await OptionFile.write(address);
  const args = [
    options.argument,
    '--backup',
    '--stream=xbstream',
    `--target-dir=${work}`,
    `--extra-lsndir=${work}`,
    ...(parent ? [`--incremental-lsn=${parent.toLsn}`] : []),
  ];
  let bytes = 0;
  const expectedBytes = facts.totals.bytes;
  await pour({ path: backup.path, args, env: options.env, signal: context.signal }, writer, FILES_STREAM, (chunk) =>
    context.progress({ phase: 'dumping', bytes: (bytes += chunk.length), expectedBytes }),
  );
}

/** What mariadb-backup says of the copy. */
async function factsIn(work: string, { facts }: MariadbFilesTarget, chosen: Chosen<Parent>): Promise<ManifestMariadb> {
  const text = async (name: string) => readFile(join(work, name), 'utf8');
  const checkpoints = await text('xtrabackup_checkpoints');
  const info = await text('xtrabackup_info');
  const lsn = (name: string) => new RegExp(`^${name} = (\\d+)$`, 'm').exec(checkpoints)?.[1];
  const [fromLsn, toLsn] = [lsn('from_lsn'), lsn('to_lsn')];
  if (fromLsn === undefined || toLsn === undefined) {
    throw new HozenError(
      'TOOL_FAILED',
      { tool: 'mariadb-backup', exit: 'success, but without saying what it copied' },
      { detail: checkpoints },
    );
  }
  const [, file, position] = /^binlog_pos = filename '([^']+)', position '(\d+)'/m.exec(info) ?? [];
  const [, gtid] = /^binlog_pos = .*GTID of the last change '([^']*)'/m.exec(info) ?? [];
  return {
    version: facts.version,
    lowerCaseTableNames: facts.lowerCaseTableNames,
    ...(file === undefined ? {} : { binlog: { file, position: Number(position), ...(gtid ? { gtid } : {}) } }),
    files: { fromLsn, toLsn, ...(chosen.parent ? { parent: chosen.parent.reference } : {}) },
  };
}
