import { readdir } from 'node:fs/promises';
import { sep } from 'node:path';
import {
  asHozenError,
  type RecoverableRange,
  type RecoveryPoint,
  type RestoreObstacle,
  type RestorePlanView,
  warningText,
} from '@hozen/contracts';
import { findMariadbTool, formatLsn } from '@hozen/dbms';
import type { EntityManager } from 'typeorm';
import { ArtefactFile } from '../artefact/artefact-file.js';
import { versionOf, type Manifest } from '../artefact/manifest.js';
import { freeBytes, readable } from '../methods/check-room.js';
import type { Finding } from '../policy/findings.js';
import { findingsForNewServer } from '../policy/mariadb/dump-findings.js';
import { isListed, notListable, trustInAll } from '../policy/trust-in.js';
import { withPolicy, type Leave } from '../policy/with-policy.js';
import type { RecoveryPath } from '../recovery/find-path.js';
import type { CopyRange, LogRange } from '../recovery/ranges.js';
import { instantText } from '../recovery/instant.js';
import { chainOf } from '../restore/chain.js';
import { ARCHIVING_OFF } from '../restore/physical/archiving-off.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { isMissing } from '../storage/storage-error.js';
import { serverLike } from '../verification/copied-mariadb.js';
import type { RestoreSource } from './find-source.js';
import { planHead } from './plan-head.js';
import { insteadOf } from './wrong-method.js';

/** What a restore of files is made from. */
export interface DirectoryGround {
  source: RestoreSource;
  artefact: CommittedArtefact;
  directory: string;
  /** Folders below which files may be restored. */
  restoreFolders: readonly string[];
  /** Of our books. */
  manager: EntityManager;
  /** What the person who asks lets it bring. */
  allow: readonly string[];
  signal?: AbortSignal;
  /** How far the log is replayed over them. */
  recovery?:
    | {
        point: RecoveryPoint;
        path: RecoveryPath | undefined;
        ranges: RecoverableRange[];
        /** Where nothing can be reached: the newest copy, and the logs, none of which goes on from it. */
        apart?: { copy: CopyRange; logs: readonly LogRange[] } | undefined;
      }
    | undefined;
}

/** Where the tablespaces of a restored directory go. */
export function tablespacesOf(directory: string): string {
  return `${directory}.tablespaces`;
}

/**
 * What a restore of files would do, and everything that stands in its way. Changes nothing.
 * @throws HozenError ARTEFACT_MISSING, ARTEFACT_CORRUPT, of the SIGNATURE_ and of the STORAGE_ codes
 */
export async function planDirectory(
  ground: DirectoryGround,
): Promise<{ view: RestorePlanView; chain: CommittedArtefact[] }> {
  const { source, artefact, directory, restoreFolders } = ground;
  const { manifest } = artefact;
  const { physical, files, mariadb } = manifest;
  if (!physical && !files && !isOfMariadb(manifest)) {
    const what = insteadOf(manifest.format);
    return { view: planView(ground, [artefact], undefined, [{ kind: 'wrong-method', what }]), chain: [artefact] };
  }
  const { signing, encryption } = source;
  const chain = await chainOf(artefact, { ...(signing ? { signing } : {}), ...(encryption ? { encryption } : {}) });
  const obstacles: Obstacle[] = [];
  if (!restoreFolders.some((folder) => directory.startsWith(folder.endsWith(sep) ? folder : folder + sep))) {
    obstacles.push({ kind: 'directory-refused', what: directory });
  }
  for (const folder of physical ? [directory, tablespacesOf(directory)] : [directory]) {
    if (!(await isFree(folder))) obstacles.push({ kind: 'directory-taken', what: folder });
  }
  if (mariadb) obstacles.push(...(await programsMissing(artefact)));
  obstacles.push(
    ...(files && ground.recovery ? [NO_LOG] : obstaclesTo(ground.recovery, source.config, mariadb !== undefined)),
  );
  const ofDatabases = manifest.databases.reduce((sum, { bytes }) => sum + bytes, 0);
  const needed = files?.bytes ?? Math.max(ofDatabases, mariadb ? (chain[0]?.originalBytes ?? 0) : 0);
  const free = await freeBytes(directory);
  if (free < needed) {
    obstacles.push({
      kind: 'disk-too-small',
      what: warningText('what.room', { free: readable(free), needed: readable(needed) }),
    });
  }
  const trust = await trustInAll(ground.manager, source, chain, ground.recovery?.path?.logs);
  const leave = { source, trust, allow: ground.allow };
  const plan = planView(ground, chain, free, obstacles);
  return { view: withPolicy(plan, await findingsIn(ground, leave), leave), chain };
}

/** A tree of files brings nothing but files. */
async function findingsIn({ artefact, signal }: DirectoryGround, leave: Leave): Promise<Finding[]> {
  const { files, format } = artefact.manifest;
  if (files) return [];
  if (format !== 'hozen-mariadb-logical' || !isListed(artefact, leave)) return [notListable(artefact)];
  await using file = await ArtefactFile.open(artefact);
  return await findingsForNewServer(file, signal);
}

/** A copy of its files, or a dump that a new server is made of. */
function isOfMariadb({ mariadb }: Manifest): boolean {
  return mariadb !== undefined && !mariadb.binlogs;
}

/** Only a server of the same release series reads the files. */
async function programsMissing(artefact: CommittedArtefact): Promise<Obstacle[]> {
  try {
    const { kind } = await serverLike(artefact);
    await findMariadbTool(artefact.manifest.mariadb?.files ? 'backup' : 'client', kind);
    return [];
  } catch (error) {
    const { detail, message } = asHozenError(error);
    return [{ kind: 'programs-missing', what: detail ?? message }];
  }
}

function obstaclesTo(recovery: DirectoryGround['recovery'], config: string, isMariadb: boolean): Obstacle[] {
  if (!recovery) return [];
  const { path, ranges, point, apart } = recovery;
  if (![...POINTS.both, ...(isMariadb ? POINTS.mariadb : POINTS.postgres)].some((kind) => point[kind] !== undefined)) {
    return [{ kind: 'wrong-method', what: isMariadb ? NO_WAL : NO_BINLOG }];
  }
  if (!path && apart && !isMariadb) return [{ kind: 'copy-without-log', what: whyApart(apart, config) }];
  if (!path) {
    const what = ranges.map(({ from, upTo }) => `${from} – ${upTo}`).join(', ');
    return [{ kind: 'point-uncovered', what: what === '' ? '–' : what }];
  }
  const folders = new Set(path.logs.flatMap(({ tablespaces }) => tablespaces));
  return [...folders].map((what) => ({ kind: 'tablespace-created', what }));
}

/** Where the one ends and the others begin, and what is to be done. */
function whyApart({ copy, logs }: { copy: CopyRange; logs: readonly LogRange[] }, config: string): string {
  const later = logs.find(({ system, endLsn }) => system === copy.system && endLsn >= copy.endLsn);
  const ends = { lsn: formatLsn(copy.endLsn), at: instantText(copy.at) };
  if (!later) return warningText('what.no-later-log', ends);
  const start = formatLsn(later.startLsn);
  return warningText('what.log-begins-later', { ...ends, start, command: `hozen backup ${config} --level full` });
}

/** How a point can be named, by what the server's log knows of. */
const POINTS = {
  both: ['time', 'latest'],
  postgres: ['lsn', 'transaction', 'restorePoint'],
  mariadb: ['gtid', 'position'],
} as const satisfies Record<string, readonly (keyof RecoveryPoint)[]>;

const NO_WAL = warningText('what.point-of-mariadb');
const NO_BINLOG = warningText('what.point-of-postgres');

interface Obstacle {
  kind: RestoreObstacle;
  what: string;
}

const NO_LOG: Obstacle = {
  kind: 'wrong-method',
  what: warningText('what.tree-without-log'),
};

function planView(
  { source, artefact, directory, recovery }: DirectoryGround,
  chain: readonly CommittedArtefact[],
  freeBytes: number | undefined,
  obstacles: Obstacle[],
): RestorePlanView {
  const { manifest } = artefact;
  return {
    ...planHead(source, artefact),
    chain: chain.map((each) => ({ path: each.path, level: each.manifest.level, bytes: each.bytes })),
    ...(recovery ? { recoverable: recovery.ranges } : {}),
    ...(recovery?.path ? { logs: logsOf(recovery.path) } : {}),
    from: { version: versionOf(manifest), target: manifest.target.name },
    to: {
      version: versionOf(manifest),
      target: directory,
      ...(freeBytes === undefined ? {} : { freeBytes }),
    },
    databases: manifest.databases.map(({ name, bytes: size, tables }) => ({ name, as: name, bytes: size, tables })),
    obstacles,
    warnings: [
      ...(manifest.physical ? [ARCHIVING_OFF] : []),
      ...(manifest.mariadb && recovery?.point.time !== undefined ? [WHOLE_SECONDS] : []),
      ...(recovery?.path?.beyond ? [BEYOND] : []),
    ],
    ...(source.proof?.level === 'restore' ? { expectedSeconds: Math.ceil(source.proof.seconds) } : {}),
  };
}

function logsOf({ logs }: RecoveryPath): NonNullable<RestorePlanView['logs']> {
  const bytes = logs.reduce((sum, { stored }) => sum + stored.bytes, 0);
  return { count: logs.length, bytes, upTo: instantText(logs.at(-1)?.upTo ?? 0n) };
}

const BEYOND = warningText('restore.beyond-last-log');

const WHOLE_SECONDS = warningText('restore.whole-seconds');

async function isFree(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).length === 0;
  } catch (error) {
    return isMissing(error);
  }
}
