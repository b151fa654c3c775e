import { lstat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import {
  DELTA_STEPS,
  type DeltaPlanView,
  type RestoreObstacle,
  type RestorePlanView,
  warningText,
} from '@hozen/contracts';
import type { EntityManager } from 'typeorm';
import { postgresOf, versionOf } from '../artefact/manifest.js';
import { freeBytes, readable } from '../methods/check-room.js';
import { wholePath } from '../methods/postgres-physical/incremental-file.js';
import { chainOf } from '../restore/chain.js';
import { dataDirectoryAt, foldersOf, serverOn, type DataDirectory } from '../restore/delta/data-directory.js';
import { contentsOf, withinBackup } from '../restore/delta/contents.js';
import { CONTROL } from '../restore/delta/directory-lock.js';
import { ARCHIVING_OFF } from '../restore/physical/archiving-off.js';
import { notListable, trustInAll } from '../policy/trust-in.js';
import { withPolicy } from '../policy/with-policy.js';
import { surplus, whatStands } from '../restore/delta/what-stands.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import type { RestoreSource } from './find-source.js';
import { planHash } from './plan-hash.js';
import { planHead } from './plan-head.js';
import { insteadOf } from './wrong-method.js';

export interface DeltaGround {
  source: RestoreSource;
  artefact: CommittedArtefact;
  directory: string;
  /** Folders below which files may be restored. */
  restoreFolders: readonly string[];
  /** Of our books. */
  manager: EntityManager;
  /** What the person who asks lets it bring. */
  allow: readonly string[];
}

export interface DeltaPlan {
  view: RestorePlanView;
  chain: CommittedArtefact[];
  /** Absent where nothing can be done. */
  directory?: DataDirectory;
}

type Obstacle = RestorePlanView['obstacles'][number];

const NOT_SHUT_DOWN = warningText('restore.not-shut-down');

/** What a restore of differences would write over, and everything that stands in its way. Changes nothing. */
export async function planDelta(ground: DeltaGround): Promise<DeltaPlan> {
  const { source, artefact, restoreFolders } = ground;
  const { manifest } = artefact;
  if (!manifest.physical) {
    return {
      view: viewOf(ground, [artefact], [obstacle('wrong-method', insteadOf(manifest.format))]),
      chain: [artefact],
    };
  }
  const { signing, encryption } = source;
  const chain = await chainOf(artefact, { ...(signing ? { signing } : {}), ...(encryption ? { encryption } : {}) });
  const refused = [ground.directory].filter((folder) => !isBelow(folder, restoreFolders));
  const directory = refused.length === 0 ? await dataDirectoryAt(ground.directory) : undefined;
  if (!directory) {
    const kind = refused.length === 0 ? 'directory-foreign' : 'directory-refused';
    return { view: viewOf(ground, chain, [obstacle(kind, ground.directory)]), chain };
  }
  const obstacles = await obstaclesIn(ground, directory);
  // Another cluster's files are not looked at.
  const overwritten = obstacles.some(({ kind }) => kind === 'other-cluster')
    ? undefined
    : await overwrittenIn(artefact, directory);
  if (overwritten && overwritten.growth > overwritten.free) {
    obstacles.push(
      obstacle(
        'disk-too-small',
        warningText('what.room', { free: readable(overwritten.free), needed: readable(overwritten.growth) }),
      ),
    );
  }
  const view = viewOf(ground, chain, obstacles);
  const trust = await trustInAll(ground.manager, source, chain);
  const known: RestorePlanView = {
    ...view,
    ...(overwritten ? { delta: overwritten.view, steps: [...DELTA_STEPS] } : {}),
    warnings: [ARCHIVING_OFF, ...(directory.wasShutDown || directory.unfinished !== undefined ? [] : [NOT_SHUT_DOWN])],
  };
  const whole = withPolicy(known, [notListable(artefact)], { source, trust, allow: ground.allow });
  return { view: { ...whole, hash: hashOf(whole, directory) }, chain, directory };
}

async function obstaclesIn({ artefact, restoreFolders }: DeltaGround, directory: DataDirectory): Promise<Obstacle[]> {
  const { manifest } = artefact;
  const { systemIdentifier, major } = directory;
  const isOther = manifest.target.systemIdentifier !== systemIdentifier || postgresOf(manifest).major !== major;
  const server = await serverOn(directory);
  return [
    ...(isOther ? [obstacle('other-cluster', `${directory.path} (${systemIdentifier}, PostgreSQL ${major})`)] : []),
    ...(server === undefined ? [] : [obstacle('server-running', server)]),
    ...foldersOf(directory)
      .filter((folder) => !isBelow(folder, restoreFolders))
      .map((folder) => obstacle('directory-refused', folder)),
  ];
}

async function overwrittenIn(
  artefact: CommittedArtefact,
  found: DataDirectory,
): Promise<{ view: DeltaPlanView; growth: number; free: number }> {
  const contents = await contentsOf(artefact);
  const directory = withinBackup(found, contents);
  const files = contents.files.filter(({ path }) => path !== CONTROL);
  const standing = await whatStands(directory, contents.versionFolder);
  const there = new Set(standing.filter(({ kind }) => kind === 'file').map(({ path }) => path));
  let [missing, otherSize, growth] = [0, 0, 0];
  for (const file of files) {
    const path = wholePath(file.path);
    const size = there.has(path) ? (await lstat(join(directory.path, path))).size : undefined;
    // Of what comes in parts the list has another size.
    const bytes = path === file.path ? file.bytes : (size ?? file.bytes);
    if (size === undefined) missing += 1;
    else if (size !== bytes) otherSize += 1;
    growth += Math.max(0, bytes - (size ?? 0));
  }
  return {
    view: {
      folders: foldersOf(directory),
      files: files.length,
      missing,
      otherSize,
      removed: surplus(standing, new Set(files.map(({ path }) => wholePath(path)))).length,
      ...(directory.unfinished === undefined ? {} : { unfinished: directory.unfinished }),
    },
    growth,
    free: await freeBytes(directory.path),
  };
}

function viewOf(
  { source, artefact, directory }: DeltaGround,
  chain: readonly CommittedArtefact[],
  obstacles: Obstacle[],
): RestorePlanView {
  const { manifest } = artefact;
  return {
    ...planHead(source, artefact),
    chain: chain.map((each) => ({ path: each.path, level: each.manifest.level, bytes: each.bytes })),
    from: { version: versionOf(manifest), target: manifest.target.name },
    to: { version: versionOf(manifest), target: directory },
    databases: manifest.databases.map(({ name, bytes, tables }) => ({ name, as: name, bytes, tables })),
    obstacles,
    warnings: [],
  };
}

/** Of what the directory is, too: a server that ran there since has written what nobody has seen. */
function hashOf(plan: RestorePlanView, directory: DataDirectory): string {
  const { chain, to, steps } = plan;
  const on = [to.target, foldersOf(directory), directory.systemIdentifier, directory.state];
  return planHash(plan, [chain?.map(({ path, bytes }) => [path, bytes]), on, steps]);
}

function isBelow(directory: string, folders: readonly string[]): boolean {
  return folders.some((folder) => directory.startsWith(folder.endsWith(sep) ? folder : folder + sep));
}

function obstacle(kind: RestoreObstacle, what: string): Obstacle {
  return { kind, what };
}
