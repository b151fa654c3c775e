import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { HozenError } from '@hozen/contracts';
import {
  baseBackup,
  connect,
  copyIn,
  sessionName,
  type BaseBackupFacts,
  type BaseBackupTaker,
  type TargetClient,
} from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import type { ArtefactWriter } from '../../artefact/artefact-writer.js';
import type { ManifestPhysical } from '../../artefact/manifest.js';
import type { AttemptContext, BackupJob } from '../../job.js';
import type { DumpSummary } from '../dump-summary.js';
import { ArchiveCopy, type Unchanged } from './archive-copy.js';
import { ChangedPages } from './changed-pages.js';
import type { PhysicalTarget } from './check-target.js';
import { addDescription } from './description.js';
import { parseLsn } from './lsn.js';
import { chooseParent, type Chosen, type Parent } from './parent.js';

const DAMAGED =
  'Page checksums of the server are wrong: its data is damaged. Nothing older is let go until a sound backup is made.';

/** A server whose socket lies in its data directory says so every time. */
const SOCKET = /special file ".*\.s\.PGSQL\.\d+"/;

/** Bytes between two reports of progress. */
const REPORT_EVERY = 4 * 1024 * 1024;

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
  return inSpan('copy cluster', { attributes: { 'hozen.target': job.target.name } }, async () => {
    const started = performance.now();
    const chosen = await chooseParent(job, target, context);
    for (const warning of chosen.warnings) context.log.warn({ target: job.target.name }, warning);
    const applicationName = sessionName(job.runId, job.epoch);
    await using client = await connect(target.address, { applicationName, replication: true });
    const increment = await incrementOf(client, chosen.parent, target);
    const receiving = new Receiving(job, target, writer, context, increment === 'page-lsn' ? chosen.parent : undefined);
    const received = await receive(client, job, context, receiving, increment === 'server' ? chosen.parent : undefined);
    if (received.timeline !== target.physical.timeline) {
      const detail = `the timeline changed from ${target.physical.timeline} to ${received.timeline}`;
      throw new HozenError('TARGET_NOT_READY', { target: job.target.name }, { detail });
    }
    const list = await receiving.end();
    await writer.addFile('backup_manifest', list);
    await addDescription(writer, job, target, chosen.parent?.manifest);
    const seconds = (performance.now() - started) / 1000;
    return summaryOf({ target, chosen, increment, received, list, writer, seconds });
  });
}

const HAS_SUMMARIES = `SELECT coalesce(min(start_lsn) <= :start, false) AS has FROM pg_available_wal_summaries() WHERE tli = :timeline`;

/** The server knows what changed, where it has summaries of all WAL since then; else the pages' own LSNs tell. */
async function incrementOf(
  client: TargetClient,
  parent: Parent | undefined,
  { physical }: PhysicalTarget,
): Promise<ManifestPhysical['increment']> {
  if (!parent) return 'none';
  if (!physical.summarizeWal) return 'page-lsn';
  // On a connection for replication statements have no parameters; these are checked numbers.
  const statement = HAS_SUMMARIES.replace(':start', `'${parent.physical.startLsn}'::pg_lsn`);
  const { rows } = await client.query<{ has: boolean }>(
    statement.replace(':timeline', String(parent.physical.timeline)),
  );
  return rows[0]?.has ? 'server' : 'page-lsn';
}

async function receive(
  client: TargetClient,
  job: BackupJob,
  context: AttemptContext,
  taker: BaseBackupTaker,
  uploaded: Parent | undefined,
): Promise<BaseBackupFacts> {
  await reserveWal(client, job);
  if (uploaded) await copyIn(client, 'UPLOAD_MANIFEST', piecesOf(uploaded.list));
  const options = {
    label: `hozen ${job.runId}`,
    checkpoint: job.config.checkpoint,
    ...(uploaded ? { incremental: true } : {}),
  };
  return baseBackup(client, options, taker, context.signal);
}

/** No WAL of the time of the copy may go before the copy has it, however long that takes. It goes with the session. */
async function reserveWal(client: TargetClient, { runId, epoch }: BackupJob): Promise<void> {
  const slot = `hozen_${runId.replaceAll('-', '_')}_${epoch}`;
  await client.query(`CREATE_REPLICATION_SLOT ${slot} TEMPORARY PHYSICAL RESERVE_WAL`);
}

/** Bytes of the list in one message. */
const PIECE = 64 * 1024;

async function* piecesOf(text: string): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += PIECE) yield await Promise.resolve(bytes.subarray(at, at + PIECE));
}

/** Puts each archive into a stream of its own. */
class Receiving implements BaseBackupTaker {
  #archive: ArchiveCopy | undefined;
  #bytes = 0;
  #reported = 0;
  readonly #list: Buffer[] = [];
  readonly #unchanged: Unchanged | undefined;

  constructor(
    job: BackupJob,
    private readonly target: PhysicalTarget,
    private readonly writer: ArtefactWriter,
    private readonly context: AttemptContext,
    parent: Parent | undefined,
  ) {
    if (!parent) return;
    const pages = new ChangedPages(parseLsn(parent.physical.startLsn), join(job.spoolDir, 'changed-pages'));
    this.#unchanged = { pages, files: new Set(parent.files.map(({ path }) => path)) };
  }

  async archive(name: string): Promise<void> {
    await this.#endArchive();
    this.#archive = new ArchiveCopy(name, this.writer.openStream(name), this.#unchanged);
  }

  data(bytes: Buffer): Promise<void> | undefined {
    this.#bytes += bytes.length;
    if (this.#bytes - this.#reported >= REPORT_EVERY) {
      this.#reported = this.#bytes;
      const expectedBytes = Math.max(this.#bytes, this.target.facts.totals.bytes);
      this.context.progress({ phase: 'dumping', bytes: this.#bytes, expectedBytes });
    }
    return this.#archive?.push(bytes);
  }

  manifest(bytes: Buffer): void {
    this.#list.push(Buffer.from(bytes));
  }

  /** @returns the backup_manifest */
  async end(): Promise<string> {
    await this.#endArchive();
    return Buffer.concat(this.#list).toString('utf8');
  }

  async #endArchive(): Promise<void> {
    const archive = this.#archive;
    this.#archive = undefined;
    if (!archive) return;
    await archive.end();
    await this.writer.endStream(archive.stream);
  }
}

interface Copied {
  target: PhysicalTarget;
  chosen: Chosen;
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
    warnings: [
      ...(received.damaged ? [DAMAGED] : []),
      ...chosen.warnings,
      ...target.warnings,
      ...received.warnings.filter((warning) => !SOCKET.test(warning)),
    ],
    physical: {
      level: chosen.level,
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
      },
      list,
    },
    server: {
      systemIdentifier: facts.systemIdentifier,
      version: facts.version,
      major: facts.major,
      superuser: facts.bootstrapSuperuser,
      inRecovery: facts.inRecovery,
      tools: facts.version,
    },
    contents: [],
    seconds,
    megabytesPerSecond: originalBytes / 1e6 / Math.max(seconds, 0.001),
  };
}
