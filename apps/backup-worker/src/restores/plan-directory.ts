import { readdir } from 'node:fs/promises';
import { sep } from 'node:path';
import type { RecoverableRange, RecoveryPoint, RestoreObstacle, RestorePlanView } from '@hozen/contracts';
import { versionOf } from '../artefact/manifest.js';
import { freeBytes, readable } from '../methods/check-room.js';
import type { RecoveryPath } from '../recovery/find-path.js';
import { instantText } from '../recovery/instant.js';
import { chainOf } from '../restore/chain.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { isMissing } from '../storage/storage-error.js';
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
  /** How far the log is replayed over them. */
  recovery?: { point: RecoveryPoint; path: RecoveryPath | undefined; ranges: RecoverableRange[] } | undefined;
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
  const { physical, files } = manifest;
  if (!physical && !files) {
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
  obstacles.push(...(files && ground.recovery ? [NO_LOG] : obstaclesTo(ground.recovery)));
  const needed = files?.bytes ?? manifest.databases.reduce((sum, { bytes }) => sum + bytes, 0);
  const free = await freeBytes(directory);
  if (free < needed) {
    obstacles.push({ kind: 'disk-too-small', what: `${readable(free)} of ${readable(needed)}` });
  }
  return { view: planView(ground, chain, free, obstacles), chain };
}

function obstaclesTo(recovery: DirectoryGround['recovery']): Obstacle[] {
  if (!recovery) return [];
  const { path, ranges } = recovery;
  if (!path) {
    const what = ranges.map(({ from, upTo }) => `${from} – ${upTo}`).join(', ');
    return [{ kind: 'point-uncovered', what: what === '' ? '–' : what }];
  }
  const folders = new Set(path.logs.flatMap(({ tablespaces }) => tablespaces));
  return [...folders].map((what) => ({ kind: 'tablespace-created', what }));
}

interface Obstacle {
  kind: RestoreObstacle;
  what: string;
}

const NO_LOG: Obstacle = {
  kind: 'wrong-method',
  what: 'a tree of files has no log: it can be restored as it was at a backup, and at no other moment',
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
    warnings: [],
    ...(source.proof.level === 'restore' ? { expectedSeconds: Math.ceil(source.proof.seconds) } : {}),
  };
}

function logsOf({ logs }: RecoveryPath): NonNullable<RestorePlanView['logs']> {
  const bytes = logs.reduce((sum, { stored }) => sum + stored.bytes, 0);
  return { count: logs.length, bytes, upTo: instantText(logs.at(-1)?.upTo ?? 0n) };
}

async function isFree(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).length === 0;
  } catch (error) {
    return isMissing(error);
  }
}
