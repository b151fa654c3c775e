import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HozenError, pointText, type ReachedPoint, type RecoveryPoint } from '@hozen/contracts';
import { connect, giveToServer, parseLsn, PrivatePostgres, removeFolder } from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import { postgresOf } from '../artefact/manifest.js';
import type { AttemptContext } from '../job.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { calmSettings, ownConfiguration } from '../verification/copied-server.js';
import type { ArchivedTail } from './archived-tail.js';
import type { RecoveryPath } from './find-path.js';
import { instantText, parseInstant } from './instant.js';
import { StagedWal } from './staged-wal.js';

export interface Recovery extends Pick<AttemptContext, 'signal' | 'progress'> {
  /** The copy, restored and startable. */
  directory: string;
  copy: CommittedArtefact;
  /** In order, none missing between. */
  logs: readonly CommittedArtefact[];
  /** What leads on from them; for a point that is the latest. */
  tail?: ArchivedTail | undefined;
  point: RecoveryPoint;
  stopAt: RecoveryPath['stopAt'];
  /** A new folder, for what is needed meanwhile. */
  scratch: string;
  applicationName: string;
}

const REACHED = `
  SELECT to_char(pg_last_xact_replay_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "lastTransactionAt",
         coalesce(pg_last_wal_replay_lsn(), pg_current_wal_lsn())::text AS lsn,
         ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int AS timeline`;

/**
 * Replays logs over a restored copy, up to a point, and lets the server open there on a timeline of its own. It is stopped
 * again in the end: whoever starts it next finds a database that was shut down in good order.
 * @throws HozenError RECOVERY_FAILED with the end of the server's log, SANDBOX_MISSING, ARTEFACT_MISSING, ARTEFACT_CORRUPT, of the STORAGE_ codes
 */
export async function recoverTo(recovery: Recovery): Promise<ReachedPoint> {
  const { directory, logs, scratch, signal } = recovery;
  return inSpan('replay log', { attributes: { 'file.path': directory, 'hozen.logs': logs.length } }, async () => {
    await mkdir(scratch, { recursive: true, mode: 0o711 });
    try {
      const expectedBytes = logs.reduce((sum, { originalBytes }) => sum + originalBytes, 0);
      let bytes = 0;
      recovery.progress({ phase: 'replaying', bytes: 0, expectedBytes });
      await using staged = await StagedWal.begin({
        logs,
        tail: recovery.tail,
        folder: join(scratch, 'wal'),
        from: parseLsn(recovery.copy.manifest.physical?.endLsn ?? '0/0'),
        signal,
        onBytes: (more) => recovery.progress({ phase: 'replaying', bytes: (bytes += more), expectedBytes }),
      });
      try {
        return await replay(recovery, staged);
      } catch (error) {
        throw signal.aborted ? signal.reason : ((await staged.failure()) ?? asRecoveryError(error, recovery.point));
      }
    } finally {
      await removeFolder(scratch);
    }
  });
}

async function replay(recovery: Recovery, staged: StagedWal): Promise<ReachedPoint> {
  const { directory, copy, scratch, signal } = recovery;
  const postgres = postgresOf(copy.manifest);
  const configuration = await ownConfiguration(scratch);
  // Commands and addresses of the original have no business here; whoever starts the server next finds them again.
  const [settings, aside] = [join(directory, 'postgresql.auto.conf'), join(scratch, 'postgresql.auto.conf')];
  const hadSettings = await rename(settings, aside).then(
    () => true,
    () => false,
  );
  await rm(join(directory, 'standby.signal'), { force: true });
  await writeFile(join(directory, 'recovery.signal'), '', { mode: 0o600 });
  await giveToServer(directory);
  await giveToServer(scratch);
  await using server = await PrivatePostgres.start({
    dataDir: directory,
    major: postgres.major,
    superuser: postgres.superuser,
    keep: true,
    logFile: join(scratch, 'server.log'),
    sandbox: { reads: [scratch], writes: [staged.writtenTo] },
    settings: {
      ...configuration,
      ...calmSettings(postgres.major),
      ...DURABLE_LATER,
      restore_command: staged.restoreCommand,
      recovery_target_action: 'promote',
      recovery_target_timeline: timelineOf(recovery.logs),
      ...targetSettings(recovery),
    },
    startTimeoutMs: 24 * 3_600_000,
    signal,
  });
  const reached = await reachedBy(server, recovery.applicationName);
  await server.stop('fast');
  if (hadSettings) await rename(aside, settings);
  return reached;
}

/** Everything is synced at once when it is there. A standby's minimum of connections is not asked for. */
const DURABLE_LATER = {
  fsync: false,
  hot_standby: false,
  max_wal_size: '4GB',
  wal_level: 'replica',
  max_wal_senders: 0,
};

function timelineOf(logs: readonly CommittedArtefact[]): number {
  return logs.at(-1)?.manifest.wal?.ranges.at(-1)?.timeline ?? 1;
}

function targetSettings({ point, stopAt }: Recovery): Record<string, string> {
  switch (stopAt) {
    case 'time':
      return {
        recovery_target_time: instantText(parseInstant(point.time ?? ''))
          .replace('T', ' ')
          .replace('Z', '+00'),
      };
    case 'lsn':
      return { recovery_target_lsn: point.lsn ?? '' };
    case 'transaction':
      return { recovery_target_xid: point.transaction ?? '' };
    case 'restorePoint':
      return { recovery_target_name: point.restorePoint ?? '' };
    case 'gtid':
    case 'position':
    case undefined:
    default:
      return {};
  }
}

async function reachedBy(server: PrivatePostgres, applicationName: string): Promise<ReachedPoint> {
  await using client = await connect(server.address('template1'), { applicationName });
  const { rows } = await client.query<{ lastTransactionAt: string | null; lsn: string; timeline: number }>(REACHED);
  const { lastTransactionAt = null, lsn = '', timeline = 0 } = rows[0] ?? {};
  return { ...(lastTransactionAt === null ? {} : { lastTransactionAt }), lsn, timeline };
}

function asRecoveryError(error: unknown, point: RecoveryPoint): unknown {
  if (!(error instanceof HozenError) || error.code !== 'SERVER_START_FAILED') return error;
  const detail = error.detail ?? error.message;
  return new HozenError('RECOVERY_FAILED', { point: pointText(point) }, { detail, cause: error });
}
