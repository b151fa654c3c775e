import { createReadStream } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { HozenError, warningText } from '@hozen/contracts';
import { connectMariadb, OptionFile, runTool, targetParams, type MariadbClient } from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import type { ArtefactWriter } from '../../artefact/artefact-writer.js';
import type { BinlogGap, Manifest, ManifestBinlogs } from '../../artefact/manifest.js';
import type { AttemptContext, BackupJob } from '../../job.js';
import type { DumpSummary } from '../dump-summary.js';
import { earlierLog } from '../earlier-log.js';
import { mariadbSummary } from '../mariadb-logical/dump-server.js';
import { gtidsText, numberOf } from './binlog-place.js';
import { BinlogFormatError, BinlogReader } from './binlog-reader.js';
import type { BinlogTarget } from './check-target.js';
import { binlogReadmeOf } from './readme.js';
import { BINLOG_RESTORE_SCRIPT } from './restore-script.js';

/** The stream of a file of the binary log. The end tells its own number from that of a part in the archive. */
export const BINLOG_STREAM = { before: 'binlog/', after: '.binlog' } as const;

interface LogFile {
  name: string;
  bytes: number;
}

/** Where a log begins, and what that means. */
interface Beginning {
  files: LogFile[];
  follows?: string;
  gap?: BinlogGap;
}

/**
 * Copies the files of the binary log that are whole since the log before. The one that is being written is ended first, so that
 * everything up to now is in it. Files that the server has let go meanwhile are a gap.
 * @throws HozenError of the TARGET_ codes, TOOL_FAILED, and what the writer throws
 */
export async function copyBinlogs(
  job: BackupJob,
  target: BinlogTarget,
  writer: ArtefactWriter,
  context: AttemptContext,
): Promise<DumpSummary> {
  return inSpan('copy binary log', { attributes: { 'hozen.target': job.target.name } }, async (span) => {
    const started = performance.now();
    await using client = await connectMariadb(target.address);
    const upTo = await nowOf(client);
    await client.query('FLUSH NO_WRITE_TO_BINLOG BINARY LOGS');
    const whole = (await filesOf(client)).slice(0, -1);
    const earlier = await earlierLog(job, context);
    const warnings = typeof earlier === 'string' ? [warningText('log.before-unreadable', { reason: earlier })] : [];
    const begun = beginningOf(whole, typeof earlier === 'string' ? undefined : earlier, target);
    if (begun.gap) warnings.push(gapText(begun.gap));
    span.setAttribute('hozen.gap', begun.gap !== undefined);
    for (const warning of warnings) context.log.warn({ target: job.target.name }, warning);
    await writer.addFile('README.txt', binlogReadmeOf(target.facts.flavour));
    await writer.addFile('restore.sh', BINLOG_RESTORE_SCRIPT, 0o700);
    const content = await copyFiles(job, target, begun.files, writer, context);
    const seconds = (performance.now() - started) / 1000;
    return summaryOf(target, { ...binlogsOf(begun, earlier, upTo), ...content }, warnings, writer, seconds);
  });
}

function gapText({ fromFile, from, toFile, reason }: BinlogGap): string {
  return warningText('log.gap-binlog', { reason, from, fromFile, toFile });
}

async function nowOf(client: MariadbClient): Promise<string> {
  const [row] = await client.query<{ now: string }>(
    `SELECT date_format(utc_timestamp(6), '%Y-%m-%dT%H:%i:%s.%fZ') AS now`,
  );
  return row?.now ?? new Date().toISOString();
}

async function filesOf(client: MariadbClient): Promise<LogFile[]> {
  const rows = await client.query<{ Log_name: string; File_size: string }>('SHOW BINARY LOGS');
  return rows.map((row) => ({ name: row.Log_name, bytes: Number(row.File_size) }));
}

function beginningOf(whole: LogFile[], earlier: Manifest | undefined, { facts }: BinlogTarget): Beginning {
  const before = earlier?.mariadb?.binlogs;
  if (!earlier || !before) return { files: whole };
  const gap = (reason: string): BinlogGap => {
    const toFile = whole[0]?.name ?? '-';
    return { fromFile: before.lastFile, from: before.upTo, toFile, reason };
  };
  if (earlier.target.systemIdentifier !== facts.systemIdentifier) {
    return { files: whole, gap: gap('the server is another one') };
  }
  const files = whole.filter(({ name }) => numberOf(name) > numberOf(before.lastFile));
  const isReset = whole.every(({ name }) => numberOf(name) < numberOf(before.lastFile)) && files.length === 0;
  if (isReset) return { files: whole, gap: gap('the binary log was reset') };
  const [first] = files;
  if (first && numberOf(first.name) > numberOf(before.lastFile) + 1) {
    return { files, gap: { ...gap('the server has let files go'), toFile: first.name } };
  }
  return { files, follows: earlier.runId };
}

function binlogsOf(
  { files, follows, gap }: Beginning,
  earlier: Manifest | string | undefined,
  upTo: string,
): ManifestBinlogs {
  const before = typeof earlier === 'string' ? undefined : earlier?.mariadb?.binlogs;
  const [first, last] = [files[0], files.at(-1)];
  return {
    // Without a new file the one before is still the last.
    firstFile: first?.name ?? before?.lastFile ?? '-',
    lastFile: last?.name ?? before?.lastFile ?? '-',
    files: files.length,
    upTo,
    ...(follows === undefined ? {} : { follows }),
    ...(gap ? { gap } : {}),
  };
}

async function copyFiles(
  job: BackupJob,
  { address, reader }: BinlogTarget,
  files: readonly LogFile[],
  writer: ArtefactWriter,
  { signal, ...context }: AttemptContext,
): Promise<BinlogContent> {
  const content: BinlogContent = {};
  const work = join(job.spoolDir, 'binlog');
  await mkdir(work, { recursive: true, mode: 0o700 });
  await using options = await OptionFile.write(address);
  const expectedBytes = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let bytes = 0;
  try {
    for (const file of files) {
      signal.throwIfAborted();
      const args = [options.argument, '--read-from-remote-server', '--raw', `--result-file=${work}/`, file.name];
      await runTool({ path: reader.path, args, env: options.env, signal, stdout: 'ignore' }).done;
      const path = join(work, file.name);
      const { size } = await stat(path);
      if (size !== file.bytes) {
        const detail = `${file.name} has ${file.bytes} bytes on the server, and ${size} came`;
        throw new HozenError('TARGET_CONNECTION_LOST', targetParams(address), { detail });
      }
      const stream = writer.openStream(BINLOG_STREAM.before + file.name + BINLOG_STREAM.after);
      const events = new BinlogReader();
      for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
        await stream.write(chunk as Buffer);
        events.push(chunk as Buffer);
        context.progress({ phase: 'dumping', bytes: (bytes += (chunk as Buffer).length), expectedBytes });
      }
      events.end();
      await writer.endStream(stream);
      addContent(content, events);
      await rm(path);
    }
    return content;
  } catch (error) {
    if (!(error instanceof BinlogFormatError)) throw error;
    throw new HozenError(
      'TOOL_FAILED',
      { tool: basename(reader.path), exit: 'success, but not with whole files' },
      { detail: error.message, cause: error },
    );
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** What lies in files that follow one another. */
type BinlogContent = Pick<ManifestBinlogs, 'beginsAt' | 'lastTransactionAt' | 'gtids'>;

function addContent(content: BinlogContent, { beginsAt, lastGroup, gtids }: BinlogReader): void {
  const at = (seconds: number) => new Date(seconds * 1000).toISOString();
  if (beginsAt !== undefined) content.beginsAt ??= at(beginsAt);
  if (lastGroup) content.lastTransactionAt = at(lastGroup.at);
  if (gtids.size > 0) content.gtids = gtidsText(gtids.values());
}

function summaryOf(
  { facts, reader }: BinlogTarget,
  binlogs: ManifestBinlogs,
  warnings: string[],
  writer: ArtefactWriter,
  seconds: number,
): DumpSummary {
  const { flavour, version, lowerCaseTableNames } = facts;
  return {
    ...mariadbSummary(facts, reader.version, writer, seconds),
    format: 'hozen-mariadb-binlog',
    databases: [],
    tables: 0,
    warnings,
    mariadb: { flavour, version, lowerCaseTableNames, binlogs },
  };
}
