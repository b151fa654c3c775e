import { warningText } from '@hozen/contracts';
import {
  connectMariadb,
  mysqlComponents,
  OptionFile,
  type AnsweringMariadb,
  type MariadbDatabase,
  type MariadbFacts,
  type ToolRun,
} from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import type { ArtefactWriter } from '../../artefact/artefact-writer.js';
import type { AttemptContext, BackupJob } from '../../job.js';
import { runInto } from '../../pipeline/pour.js';
import type { TakeChunk } from '../../pipeline/tool-output.js';
import type { DumpSummary } from '../dump-summary.js';
import type { MariadbTarget } from './check-target.js';
import { dumpArguments } from './dump-arguments.js';
import { DumpHead } from './dump-head.js';
import { DumpContentReader, type DatabaseSettings, type DumpContent, type StoredContent } from './dump-content.js';
import { eventsScript, triggersScript } from './stored-programs.js';
import { readmeOf } from './readme.js';
import { restoreScriptOf } from './restore-script.js';
import { namesOf, unusableObjects, viewsScript, type UnusableObjects } from './unusable-objects.js';
import { usersScript, type UsersScript } from './users-script.js';

/** Names of the streams, in the order in which they are restored. */
export const STREAMS = {
  dump: 'dump.sql',
  users: 'users.sql',
  triggers: 'triggers.sql',
  events: 'events.sql',
} as const;

/** For people and for the proof: what the dump holds. */
export const CONTENT = 'content.json';

/** For people: the definitions of views that the server cannot use. Nothing restores them. */
const UNUSABLE_VIEWS = 'unusable-views.sql';

/**
 * Dumps all databases of a server at one moment, its users and its events.
 * @throws HozenError of the TARGET_ codes, TOOL_FAILED, and what the writer throws
 */
export async function dumpServer(
  job: BackupJob,
  target: MariadbTarget,
  writer: ArtefactWriter,
  context: AttemptContext,
): Promise<DumpSummary> {
  return inSpan('dump server', { attributes: { 'hozen.target': job.target.name } }, async () => {
    const started = performance.now();
    const { address, facts, dump } = target;
    await using file = await OptionFile.write(address);
    const tool = (args: string[]): ToolRun => ({ path: dump.path, args, env: file.env, signal: context.signal });
    await writer.addFile('README.txt', readmeOf(facts.flavour));
    await writer.addFile('restore.sh', restoreScriptOf(facts.flavour), 0o700);
    const names = facts.databases.map(({ name }) => name);
    const unusable = await leaveOutUnusable(address, writer);
    const without = [...unusable.views, ...unusable.tables];
    const content = await dumpDatabases(
      names,
      tool(dumpArguments(facts.flavour, file, names, { position: facts.binlog, without: namesOf(without) })),
      target,
      writer,
      context,
    );
    await using client = await connectMariadb(address);
    const users = await usersScript(client);
    await writer.addFile(STREAMS.users, users.script);
    await writer.addFile(STREAMS.triggers, await triggersScript(client));
    await writer.addFile(STREAMS.events, await eventsScript(client));
    const stored: StoredContent = { ...content, databases: facts.databases.map(settingsOf) };
    await writer.addFile(CONTENT, JSON.stringify(stored));
    const seconds = (performance.now() - started) / 1000;
    const warnings = [...target.warnings, ...unusableWarnings(unusable), ...accountWarnings(users)];
    const components = await mysqlComponents(client);
    return summaryOf({ ...target, warnings, components }, content, writer, seconds);
  });
}

export function settingsOf({ name, encoding, collation, comment }: MariadbDatabase): DatabaseSettings {
  return { name, encoding, collation, comment };
}

function accountWarnings({ leftOut, lost }: UsersScript): string[] {
  return [
    ...(leftOut.length > 0 ? [warningText('users.left-out', { names: leftOut.join(', ') })] : []),
    ...(lost.length > 0 ? [warningText('users.rights-lost', { names: lost.join(', ') })] : []),
  ];
}

async function leaveOutUnusable(address: AnsweringMariadb, writer: ArtefactWriter): Promise<UnusableObjects> {
  await using client = await connectMariadb(address);
  const unusable = await unusableObjects(client);
  if (unusable.views.length > 0) await writer.addFile(UNUSABLE_VIEWS, await viewsScript(client, unusable.views));
  return unusable;
}

function unusableWarnings({ views, tables }: UnusableObjects): string[] {
  return [
    ...(views.length > 0
      ? [warningText('views.unusable', { names: namesOf(views).join(', '), file: UNUSABLE_VIEWS })]
      : []),
    ...(tables.length > 0 ? [warningText('tables.unusable', { names: namesOf(tables).join(', ') })] : []),
  ];
}

async function dumpDatabases(
  names: readonly string[],
  tool: ToolRun,
  { facts }: MariadbTarget,
  writer: ArtefactWriter,
  { progress }: Pick<AttemptContext, 'progress'>,
): Promise<DumpContent> {
  if (names.length === 0) {
    await writer.addFile(STREAMS.dump, '-- The server has no databases.\n');
    return { tables: [], definitions: [] };
  }
  const reader = new DumpContentReader();
  const head = new DumpHead(facts.flavour);
  const stream = writer.openStream(STREAMS.dump);
  let bytes = 0;
  await runInto(tool, (chunk) => {
    reader.push(chunk);
    progress({ phase: 'dumping', bytes: (bytes += chunk.length), expectedBytes: facts.totals.bytes });
    return stream.write(head.push(chunk));
  });
  await stream.write(head.end());
  await writer.endStream(stream);
  return reader.end();
}

/** What a program prints becomes a stream of the artefact. */
export async function pour(
  tool: ToolRun,
  writer: ArtefactWriter,
  name: string,
  look: (chunk: Buffer) => void = () => undefined,
): Promise<void> {
  const stream = writer.openStream(name);
  const take: TakeChunk = (chunk) => {
    look(chunk);
    return stream.write(chunk);
  };
  await runInto(tool, take);
  await writer.endStream(stream);
}

function summaryOf(
  { facts, dump, warnings, components }: MariadbTarget & { components: string[] },
  { binlog, tables }: DumpContent,
  writer: ArtefactWriter,
  seconds: number,
): DumpSummary {
  const { flavour, version, lowerCaseTableNames } = facts;
  const installed = components.length > 0 ? { components } : {};
  return {
    ...mariadbSummary(facts, dump.version, writer, seconds),
    format: 'hozen-mariadb-logical',
    tables: tables.length,
    warnings,
    mariadb: { flavour, version, lowerCaseTableNames, ...installed, ...(binlog ? { binlog } : {}) },
  };
}

/** What every backup of a MariaDB or MySQL server says of it. */
export function mariadbSummary(
  { databases, systemIdentifier, version }: MariadbFacts,
  tools: string,
  { originalBytes }: ArtefactWriter,
  seconds: number,
): Omit<DumpSummary, 'format' | 'tables' | 'warnings' | 'mariadb'> {
  const major = Number(version.split('.')[0]);
  return {
    originalBytes,
    databases: databases.map(({ name, encoding, bytes, tables }) => ({
      folder: '',
      owner: '',
      name,
      encoding,
      bytes,
      tables,
    })),
    tablespaces: [],
    server: { systemIdentifier, version, major, superuser: 'root', inRecovery: false, tools },
    contents: [],
    seconds,
    megabytesPerSecond: originalBytes / 1e6 / Math.max(seconds, 0.001),
  };
}
