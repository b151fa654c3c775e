import { createHash } from 'node:crypto';
import { HozenError } from '@hozen/contracts';
import { connect, sessionName, type BaseBackupFacts } from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import type { ArtefactWriter } from '../../artefact/artefact-writer.js';
import type { ManifestPhysical } from '../../artefact/manifest.js';
import type { AttemptContext, BackupJob } from '../../job.js';
import type { Chosen } from '../choose-parent.js';
import { serverSummary, type DumpSummary } from '../dump-summary.js';
import type { PhysicalTarget } from './check-target.js';
import { CopiedArchives, type CopiedFiles } from './copied-archives.js';
import { copyFiles } from './copy-files.js';
import { addDescription } from './description.js';
import { HAS_SUMMARIES } from './physical-facts.sql.js';
import { chooseCopy, type Parent } from './parent.js';
import { receiveFiles } from './receive-files.js';

/** A server whose socket lies in its data directory says so every time. */
const SOCKET = /special file ".*\.s\.PGSQL\.\d+"/;

/**
 * Copies the files of a server, with the WAL that makes them consistent: all of them, or the pages that changed since an
 * earlier backup of the config. The artefact is not finished here; commitArtefact does.
 * @throws HozenError of the TARGET_ codes, and what the writer throws
 */
export async function copyCluster(
  job: BackupJob,
  target: PhysicalTarget,
  writer: ArtefactWriter,
  context: AttemptContext,
): Promise<DumpSummary> {
  const attributes = { 'hozen.target': job.target.name, 'hozen.copied': target.directory ? 'files' : 'server' };
  return inSpan('copy cluster', { attributes }, async (span) => {
    const started = performance.now();
    const chosen = await chooseCopy(job, target, context);
    for (const warning of chosen.warnings) context.log.warn({ target: job.target.name }, warning);
    const increment = await incrementOf(job, target, chosen.parent);
    span.setAttribute('hozen.increment', increment);
    const left = increment === 'page-lsn' ? chosen.parent : undefined;
    const archives = new CopiedArchives(job, writer, target.facts.totals.bytes, context, left);
    const { facts, list } = await copied(
      job,
      target,
      archives,
      context,
      increment === 'server' ? chosen.parent : undefined,
    );
    if (facts.timeline !== target.physical.timeline) {
      const detail = `the timeline changed from ${target.physical.timeline} to ${facts.timeline}`;
      throw new HozenError('TARGET_NOT_READY', { target: job.target.name }, { detail });
    }
    await writer.addFile('backup_manifest', list);
    await addDescription(writer, job, target, chosen.parent?.manifest);
    const seconds = (performance.now() - started) / 1000;
    return summaryOf({ target, chosen, increment, received: facts, list, writer, seconds });
  });
}

/** The server knows what changed, where it has summaries of all WAL since then; else the pages' own LSNs tell. */
async function incrementOf(
  job: BackupJob,
  { address, physical }: PhysicalTarget,
  parent: Parent | undefined,
): Promise<ManifestPhysical['increment']> {
  if (!parent) return 'none';
  if (!physical.summarizeWal) return 'page-lsn';
  await using client = await connect(address, { applicationName: sessionName(job.runId, job.epoch) });
  const { timeline, startLsn } = parent.physical;
  const { rows } = await client.query<{ has: boolean }>(HAS_SUMMARIES, [timeline, startLsn]);
  return rows[0]?.has ? 'server' : 'page-lsn';
}

/** Where the files can be read here, that is less work for everybody than having the server send them. */
async function copied(
  job: BackupJob,
  target: PhysicalTarget,
  archives: CopiedArchives,
  context: AttemptContext,
  uploaded: Parent | undefined,
): Promise<CopiedFiles> {
  if (target.directory !== undefined && !uploaded) return copyFiles(job, target, target.directory, archives, context);
  const applicationName = sessionName(job.runId, job.epoch);
  await using client = await connect(target.address, { applicationName, replication: true });
  // Awaited here: the client must outlive it.
  return await receiveFiles(client, target.facts.major, job, archives, context, uploaded);
}

interface Copied {
  target: PhysicalTarget;
  chosen: Chosen<Parent>;
  increment: ManifestPhysical['increment'];
  received: BaseBackupFacts;
  list: string;
  writer: ArtefactWriter;
  seconds: number;
}

function summaryOf({ target, chosen, increment, received, list, writer, seconds }: Copied): DumpSummary {
  const { facts, physical } = target;
  const { originalBytes } = writer;
  const names = new Map(facts.tablespaces.map(({ name, location }) => [location, name]));
  return {
    format: 'hozen-postgres-physical',
    originalBytes,
    databases: facts.databases.map(({ name, owner, encoding, bytes }) => {
      return { folder: '', name, owner, encoding, bytes: bytes ?? 0, tables: 0 };
    }),
    tables: 0,
    tablespaces: received.tablespaces.map(({ oid, location }) => ({
      name: names.get(location) ?? String(oid),
      location,
    })),
    warnings: [...chosen.warnings, ...target.warnings, ...received.warnings.filter((warning) => !SOCKET.test(warning))],
    level: chosen.level,
    physical: {
      facts: {
        startLsn: received.startLsn,
        endLsn: received.endLsn,
        timeline: received.timeline,
        dataChecksums: facts.dataChecksums,
        hintsLogged: physical.hintsLogged,
        files: { sha256: createHash('sha256').update(list).digest('hex') },
        increment,
        ...(chosen.parent ? { parent: chosen.parent.manifest } : {}),
        damaged: received.damaged,
        pagesChecked: received.pagesChecked,
      },
      list,
    },
    server: serverSummary(facts),
    contents: [],
    seconds,
    megabytesPerSecond: originalBytes / 1e6 / Math.max(seconds, 0.001),
  };
}
