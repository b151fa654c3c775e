import { inSpan } from '@hozen/telemetry';
import type { DatabaseContent } from '../../artefact/artefact-index.js';
import type { ArtefactWriter } from '../../artefact/artefact-writer.js';
import type { ManifestLeftOut, ManifestParts } from '../../artefact/manifest.js';
import { leftOutWarnings } from '../../parts/dumped-part.js';
import { README } from '../../artefact/readme.js';
import { RESTORE_SCRIPT } from '../../artefact/restore-script.js';
import type { AttemptContext, BackupJob } from '../../job.js';
import type { DumpSummary } from '../dump-summary.js';
import { largestFirst } from './check-target.js';
import type { CheckedTarget, TargetParts } from './checked-target.js';
import { clusterJson, type ClusterJson } from './cluster-json.js';
import { activityWarnings } from './activity-warnings.js';
import { environmentFor, type TargetToDump } from './dump-ahead.js';
import { dumpDatabase, type ClusterDump } from './dump-database.js';
import { dumpAsSql } from './dump-as-sql.js';
import { dumpGlobals } from './dump-globals.js';
import { DumpProgress } from './dump-progress.js';
import { Slots } from '../../pipeline/slots.js';

/**
 * Dumps a whole cluster as pg_dumpall would, by `config.jobs` processes at a time: every database at one moment of its
 * own, roles, tablespaces, and how to restore all that. The artefact is not finished here; commitArtefact does.
 * @throws HozenError of the TARGET_ and TOOL_ codes, and what the writer throws
 */
export async function dumpCluster(
  job: BackupJob,
  target: TargetToDump,
  writer: ArtefactWriter,
  context: Pick<AttemptContext, 'signal' | 'progress'>,
): Promise<DumpSummary> {
  return inSpan('dump cluster', { attributes: { 'hozen.target': job.target.name } }, async () => {
    const started = performance.now();
    const facts = clusterJson(job, target);
    const env = target.ahead?.takeEnvironment() ?? environmentFor(target.address, job);
    await using stack = new AsyncDisposableStack();
    stack.defer(async () => (await env.catch(() => undefined))?.[Symbol.asyncDispose]());
    const progress = new DumpProgress(context);
    const failed = new AbortController();
    const begun = Promise.withResolvers<void>();
    const dump: ClusterDump = {
      job,
      target,
      env,
      writer,
      progress,
      leftOut: [],
      slots: new Slots(job.config.jobs),
      signal: AbortSignal.any([context.signal, failed.signal]),
      // Only the first abort counts: the failures after it were caused by it.
      fail: (error) => failed.abort(error),
      begun: () => begun.resolve(),
    };
    // Nobody would hear of it below.
    dump.signal.throwIfAborted();
    dump.signal.addEventListener('abort', dump.begun, { once: true });
    const parts = job.config.format === 'sql' ? inOrder(dump, facts) : sideBySide(dump, facts, begun.promise);
    for (const part of parts) part.catch(dump.fail);
    // Nothing of ours may still run, or write, when the failure is told.
    await Promise.allSettled(parts);
    failed.signal.throwIfAborted();
    const [contents, observed] = [await parts[0], await parts[1]];
    const warnings = [...target.warnings, ...observed];
    return summaryOf(
      facts,
      { ...target, warnings },
      contents,
      writer,
      dump.leftOut,
      (performance.now() - started) / 1000,
    );
  });
}

/** The contents of the databases, what was observed, and whatever else is to be waited for. */
type DumpParts = readonly [Promise<DatabaseContent[]>, Promise<string[]>, ...Promise<void>[]];

/** The databases first: nothing else is to take the processor from the first pg_dump. */
function sideBySide(dump: ClusterDump, facts: ClusterJson, begun: Promise<void>): DumpParts {
  const later = begun.then(() => addDescription(dump.writer, facts));
  const globals = begun.then(() => dumpGlobals(dump));
  return [dumpDatabases(dump, facts, begun), begun.then(() => activityWarnings(dump)), later, globals];
}

/** One after the other, as they stand in the text; what was begun ahead would hold its locks meanwhile. */
function inOrder(dump: ClusterDump, facts: ClusterJson): DumpParts {
  const free = dump.target.ahead?.[Symbol.asyncDispose]() ?? Promise.resolve();
  return [free.then(() => dumpAsSql(dump, facts)), activityWarnings(dump)];
}

async function dumpDatabases(dump: ClusterDump, facts: ClusterJson, begun: Promise<void>): Promise<DatabaseContent[]> {
  const folders = new Map(dump.target.databases.map(({ name }, index) => [name, facts.databases[index]?.folder ?? '']));
  const ordered = largestFirst(dump.target.databases);
  for (const database of ordered) dump.progress.database(database.name, database.bytes ?? 0);
  const dumps: Promise<DatabaseContent>[] = [];
  for (const database of ordered) {
    // No database is opened, and held open, before a process is free to dump it.
    await dump.slots.acquire();
    if (dump.signal.aborted) break;
    const dumping = dumpDatabase(dump, database, folders.get(database.name) ?? '');
    dumping.catch(dump.fail);
    dumps.push(dumping);
    // The second one waits until the first is being read: two connections at once take longer than one after the other.
    if (dumps.length === 1) await begun;
  }
  await Promise.allSettled(dumps);
  dump.signal.throwIfAborted();
  return (await Promise.all(dumps)).toSorted((a, b) => a.folder.localeCompare(b.folder));
}

async function addDescription(writer: ArtefactWriter, facts: ClusterJson): Promise<void> {
  await writer.addFile('README.txt', README);
  await writer.addFile('restore.sh', RESTORE_SCRIPT, 0o700);
  await writer.addFile('cluster.json', `${JSON.stringify(facts, undefined, 2)}\n`);
  // For restore.sh: a name can be anything, and the shell reads no JSON.
  for (const { folder, name } of facts.databases) await writer.addFile(`${folder}/name`, name);
}

function partsOf({ spec, leftOut: databases }: TargetParts, leftOut: ManifestLeftOut[]): ManifestParts {
  const { include, exclude } = spec;
  return {
    ...(include ? { include: Object.fromEntries(Object.entries(include)) } : {}),
    ...(exclude ? { exclude: Object.fromEntries(Object.entries(exclude)) } : {}),
    databases,
    leftOut: leftOut.toSorted((one, other) => one.database.localeCompare(other.database)),
  };
}

function summaryOf(
  facts: ClusterJson,
  target: CheckedTarget,
  contents: DatabaseContent[],
  writer: ArtefactWriter,
  leftOut: ManifestLeftOut[],
  seconds: number,
): DumpSummary {
  const { originalBytes } = writer;
  const parts = target.parts && partsOf(target.parts, leftOut);
  return {
    format: 'hozen-postgres-logical',
    originalBytes,
    databases: facts.databases.map(({ folder, name, owner, encoding, bytes }, index) => {
      return { folder, name, owner, encoding, bytes, tables: contents[index]?.tables.length ?? 0 };
    }),
    tables: contents.reduce((sum, { tables }) => sum + tables.length, 0),
    tablespaces: facts.tablespaces.map(({ name, location }) => ({ name, location })),
    ...(parts ? { parts } : {}),
    sql: writer.isSql,
    warnings: [...target.warnings, ...(parts?.leftOut ?? []).flatMap(leftOutWarnings)],
    server: {
      systemIdentifier: facts.systemIdentifier,
      version: facts.postgres.version,
      major: facts.postgres.major,
      superuser: facts.superuser,
      inRecovery: facts.postgres.inRecovery,
      tools: facts.tools,
    },
    contents,
    seconds,
    megabytesPerSecond: originalBytes / 1e6 / Math.max(seconds, 0.001),
  };
}
