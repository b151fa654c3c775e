import { HozenError, type AnyTargetSpec } from '@hozen/contracts';
import { addressOf, asTargetError, connect } from '@hozen/dbms';
import { serverOf } from '../methods/server-target.js';
import { contentsOf, type ArchiveContents } from './contents.js';
import { walNameOf } from './wal-name.js';
import type { WalArchive } from './wal-archive.js';

/** What the server believes. */
export interface ArchiverFacts {
  mode: string;
  systemIdentifier: string;
  lastArchived: string | null;
  lastArchivedAt: string | null;
  failedCount: number;
  lastFailed: string | null;
  /** It failed after the last success. */
  isFailing: boolean;
}

/** Something that is not as it should be, and the file that it is about. */
export interface ArchiveFault {
  kind: 'gap' | 'damaged' | 'not-stored' | 'foreign' | 'failing' | 'off' | 'no-history';
  name: string;
  /** For its text. */
  facts: Readonly<Record<string, string | number>>;
}

export interface ArchiveCheck extends ArchiveContents {
  /** Files that were read; decrypted and unpacked only where the config has the key. */
  read: number;
  isReadable: boolean;
  server: ArchiverFacts | undefined;
  faults: ArchiveFault[];
}

const ARCHIVER = `
SELECT current_setting('archive_mode') AS "mode",
       (SELECT system_identifier::text FROM pg_control_system()) AS "systemIdentifier",
       last_archived_wal AS "lastArchived",
       to_char(last_archived_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS "lastArchivedAt",
       failed_count::float8 AS "failedCount", last_failed_wal AS "lastFailed",
       last_failed_time IS NOT NULL AND (last_archived_time IS NULL OR last_failed_time > last_archived_time) AS "isFailing"
  FROM pg_stat_archiver`;

/**
 * Reads everything that an archive holds, finds what is missing in it, and compares it with what the server believes to have
 * archived.
 * @param target undefined where the server is not to be asked
 * @throws HozenError of the storage and of connections; what is wrong with the archive is in the result
 */
export async function checkArchive(
  archive: WalArchive,
  target: AnyTargetSpec | undefined,
  progress: (read: number) => void = () => undefined,
): Promise<ArchiveCheck> {
  // Before the archive: what it archives meanwhile is there then.
  const server = target && (await askArchiver(target));
  const contents = await contentsOf(archive);
  const { read, faults: damages } = await readAll(archive, progress);
  const gaps = contents.gaps.map((gap): ArchiveFault => ({ kind: 'gap', name: gap.after, facts: { ...gap } }));
  const faults = [...gaps, ...damages, ...withoutHistory(contents), ...(server ? await told(archive, server) : [])];
  return { ...contents, read, isReadable: archive.isReadable, server, faults };
}

async function readAll(
  archive: WalArchive,
  progress: (read: number) => void,
): Promise<{ read: number; faults: ArchiveFault[] }> {
  const faults: ArchiveFault[] = [];
  let read = 0;
  for await (const name of archive.names()) {
    try {
      await (archive.isReadable ? archive.get(name) : archive.inspect(name));
    } catch (error) {
      if (!(error instanceof HozenError) || !isDamage(error)) throw error;
      const kind = error.code === 'WAL_FOREIGN' ? 'foreign' : 'damaged';
      faults.push({ kind, name: name.name, facts: { detail: error.message } });
    }
    progress(++read);
  }
  return { read, faults };
}

function isDamage({ code }: HozenError): boolean {
  return code === 'ARTEFACT_CORRUPT' || code === 'WAL_FOREIGN' || code.startsWith('SIGNATURE_');
}

/** A server that follows a timeline wants to know how it came about. */
function withoutHistory({ stretches, histories }: ArchiveContents): ArchiveFault[] {
  const timelines = new Set(stretches.map(({ timeline }) => timeline).filter((timeline) => timeline > 1));
  return [...timelines].flatMap((timeline) => {
    const name = `${timeline.toString(16).toUpperCase().padStart(8, '0')}.history`;
    return histories.includes(name) ? [] : [{ kind: 'no-history' as const, name, facts: { timeline } }];
  });
}

async function askArchiver(target: AnyTargetSpec): Promise<ArchiverFacts> {
  const address = await addressOf(serverOf(target));
  await using client = await connect(address, { applicationName: 'hozen wal check' });
  try {
    const { rows } = await client.query<ArchiverFacts>(ARCHIVER);
    const [facts] = rows;
    if (facts) return facts;
  } catch (error) {
    throw asTargetError(error, address);
  }
  throw new Error('pg_stat_archiver is empty');
}

async function told(archive: WalArchive, server: ArchiverFacts): Promise<ArchiveFault[]> {
  const faults: ArchiveFault[] = [];
  const { mode, lastArchived, lastArchivedAt, lastFailed, isFailing, failedCount, systemIdentifier: ours } = server;
  const theirs = await archive.systemIdentifier();
  if (theirs !== undefined && theirs !== ours) {
    const detail = new HozenError('WAL_FOREIGN', { path: archive.location, theirs, ours }).message;
    faults.push({ kind: 'foreign', name: archive.location, facts: { detail } });
  }
  if (mode === 'off') faults.push({ kind: 'off', name: 'archive_mode', facts: {} });
  const name = lastArchived === null ? undefined : walNameOf(lastArchived);
  if (name && !(await archive.has(name.name))) {
    faults.push({ kind: 'not-stored', name: name.name, facts: { at: lastArchivedAt ?? '' } });
  }
  if (isFailing) faults.push({ kind: 'failing', name: lastFailed ?? '', facts: { count: failedCount } });
  return faults;
}
