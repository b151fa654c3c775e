import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run } from './run.mjs';
import { done, Obstacle, step } from './say.mjs';

/** Installs the npm packages when those in node_modules are not the ones of the lockfile. */
export async function ensureNodePackages(root) {
  if (nodePackagesAreCurrent(root)) return;
  step('installing npm packages (npm ci)');
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = process.env.npm_execpath;
  const { code, output } = npm?.endsWith('.js')
    ? await run(process.execPath, [npm, ...args], { cwd: root, quiet: true })
    : await run('npm', args, { cwd: root, quiet: true });
  if (code !== 0) throw npmFailed(code, output);
  done('npm packages are there');
}

/**
 * npm writes `node_modules/.package-lock.json` last, so it also tells whether an installation was broken off.
 * Packages for other platforms are optional and may be missing.
 */
export function nodePackagesAreCurrent(root) {
  const installedFile = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installedFile)) return false;
  const wanted = packagesOf(join(root, 'package-lock.json'));
  const installed = packagesOf(installedFile);
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.startsWith('node_modules/') && !path.includes('/node_modules/')) return true;
    const there = installed[path];
    if (there === undefined) return entry.optional === true || entry.devOptional === true || entry.peer === true;
    return there.version === entry.version && there.integrity === entry.integrity;
  });
}

function packagesOf(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages ?? {};
}

function npmFailed(code, output) {
  if (/ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET|ENETUNREACH|network/i.test(output)) {
    return new Obstacle(
      'npm cannot reach its registry.',
      'Check the network and the proxy (npm config get proxy, npm config get registry), then run it again.',
      { output },
    );
  }
  if (/ENOSPC/.test(output)) {
    return new Obstacle('The disk is full.', 'Free at least 1.5 GB here, then run it again.', { output });
  }
  return new Obstacle(
    `npm ci ended with ${code}.`,
    'Its messages stand above. Correct what they name and run it again.',
    { output },
  );
}

/** First Node with synchronous module hooks, which the tracing needs. */
const OLDEST_NODE = [24, 11, 1];

/** Node 24: the one that npm brought, or this machine's own where it is new enough. */
export function node24(root) {
  const brought = join(root, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
  if (process.platform === 'linux' && existsSync(brought)) return brought;
  if (isAtLeast(process.versions.node, OLDEST_NODE)) return process.execPath;
  throw new Obstacle(
    `Hozen runs on Node ${OLDEST_NODE.join('.')} or newer; this is ${process.versions.node}, and npm brought none for ${process.platform}-${process.arch}.`,
    'Install Node 24 (nodejs.org) and run it again.',
  );
}

export function isAtLeast(version, oldest) {
  const parts = version.split('.').map(Number);
  for (const [index, least] of oldest.entries()) {
    if (parts[index] !== least) return parts[index] > least;
  }
  return true;
}

/** The environment of every child: Node 24 and the packages' programs come first on PATH. */
export function environment(root) {
  const folders = [join(node24(root), '..'), join(root, 'node_modules', '.bin')];
  const home = process.env.HOZEN_HOME || join(root, '.hozen');
  return {
    ...process.env,
    PATH: [...folders, process.env.PATH ?? '', '/usr/sbin'].join(delimiter),
    HOZEN_HOME: home,
    NX_DAEMON: 'false',
  };
}
