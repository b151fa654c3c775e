import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { environment, ensureNodePackages, isAtLeast } from './node-packages.mjs';
import { run } from './run.mjs';
import { done, Obstacle, step } from './say.mjs';
import { ensureSystemPackages } from './system-packages.mjs';

export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

const OLDEST_BOOTSTRAP_NODE = [20, 19, 0];
/** npm packages take 0.6 GB; the rest is for the build, the servers' data and the first backup. */
const ROOM_FIRST = 1_500_000_000;
const ROOM_LATER = 500_000_000;

/** From an empty clone to everything installed. @returns the environment for all children. */
export async function setUp() {
  checkNode(process.versions.node);
  checkRoom(root);
  await ensureSystemPackages();
  await ensureNodePackages(root);
  return environment(root);
}

export function checkNode(version) {
  if (isAtLeast(version, OLDEST_BOOTSTRAP_NODE)) return;
  throw new Obstacle(
    `This is Node ${version}; the bootstrap needs ${OLDEST_BOOTSTRAP_NODE.join('.')} or newer.`,
    'Install a newer Node (Debian: from nodesource.com or nodejs.org) and run it again.',
  );
}

export function checkRoom(folder, statfs = statfsSync) {
  const { bavail, bsize } = statfs(folder);
  const free = bavail * bsize;
  let installed = true;
  try {
    statfs(join(folder, 'node_modules'));
  } catch {
    installed = false;
  }
  const needed = installed ? ROOM_LATER : ROOM_FIRST;
  if (free >= needed) return;
  throw new Obstacle(
    `Only ${Math.floor(free / 1e6)} MB are free at ${folder}; ${needed / 1e6} MB are needed.`,
    'Free some space, or clone to a larger disk, and run it again.',
  );
}

/** Builds every project; Nx skips what has not changed. */
export async function build(env) {
  step('building');
  await nx(env, ['run-many', '-t', 'build'], 'The build failed.');
  done('built');
}

/** Runs Nx and keeps its output for the case that it fails. */
export async function nx(env, args, failure) {
  const { code, output } = await run('nx', [...args, '--output-style=static'], { env, cwd: root, quiet: true });
  if (code !== 0) throw new Obstacle(failure, 'The messages above name the place.', { output });
}
