import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, which } from './run.mjs';
import { done, Obstacle, step, warn } from './say.mjs';

/** The first versions without the known holes of pg_dump and its relatives; older ones the services refuse. */
const PATCHED = { 14: 24, 15: 19, 16: 15, 17: 11, 18: 6 };

const POSTGRES_HOME = process.env.HOZEN_SETUP_POSTGRES_HOME ?? '/usr/lib/postgresql';
const EXTENSIONS_HOME = process.env.HOZEN_SETUP_EXTENSIONS_HOME ?? '/usr/share/postgresql';
const SERVER_PROGRAMS = ['initdb', 'postgres', 'pg_dump', 'pg_dumpall', 'pg_restore', 'psql'];

/** Makes sure the servers and tools are there that npm cannot bring; installs with apt-get only what is missing. */
export async function ensureSystemPackages() {
  const missing = missingPackages();
  const outdated = missing.includes('postgresql') ? [] : await outdatedPackages();
  const faster = missingLibraries();
  const safer = which('bwrap') || process.platform !== 'linux' ? [] : ['bubblewrap'];
  const wanted = [...missing, ...faster, ...safer];
  if (wanted.length === 0 && outdated.length === 0) return;
  const root = asRoot([...wanted, ...outdated]);
  if (root === undefined) {
    // What is only outdated, only faster, or only safer does not stop the start; the services say so again where it matters.
    if (outdated.length > 0)
      warn(`${outdated.join(', ')}: no right to update; see TOOL_UNPATCHED in docs/operations.md`);
    if (faster.length > 0) warn(`${faster.join(', ')}: no right to install; compression is slower without`);
    if (safer.length > 0)
      warn(`${safer.join(', ')}: no right to install; programs that read backups run without a sandbox`);
    return;
  }
  if (wanted.length > 0) step(`installing ${wanted.join(', ')} (apt-get)`);
  if (outdated.length > 0) step(`updating ${outdated.join(', ')}: a version with known security holes is installed`);
  const installer = fileURLToPath(new URL('apt-install.sh', import.meta.url));
  const [program, ...before] = [...root, 'sh', installer, ...wanted, ...outdated];
  const { code, output } = await run(program, before, { quiet: true });
  const still = missingPackages();
  if (still.length > 0) throw installFailed(still, code, output);
  const old = await outdatedPackages();
  if (old.length > 0)
    warn(`${old.join(', ')}: Debian has no patched version here; see TOOL_UNPATCHED in docs/operations.md`);
  done('system packages are there');
}

/** Debian packages whose programs are not on this machine. */
export function missingPackages() {
  const missing = [];
  const postgres = postgresVersions().filter((version) =>
    SERVER_PROGRAMS.every((program) => existsSync(join(POSTGRES_HOME, version, 'bin', program))),
  );
  const customPostgres = Object.keys(process.env).some((name) => /^HOZEN_PG_BIN_\d+$/.test(name));
  if (postgres.length === 0 && !customPostgres) missing.push('postgresql');
  else if (
    !customPostgres &&
    !postgres.some((version) => existsSync(join(EXTENSIONS_HOME, version, 'extension', 'pgcrypto.control')))
  ) {
    missing.push('postgresql-contrib');
  }
  for (const [program, name] of [
    ['nats-server', 'nats-server'],
    ['age', 'age'],
    ['zstd', 'zstd'],
    ['setpriv', 'util-linux'],
  ]) {
    if (program === 'nats-server' && process.env.HOZEN_NATS_URL) continue;
    if (!which(program)) missing.push(name);
  }
  return missing;
}

/** Debian packages of the libraries that compress faster than Node does, where Debian has them. */
function missingLibraries() {
  const folder = { x64: '/usr/lib/x86_64-linux-gnu', arm64: '/usr/lib/aarch64-linux-gnu' }[process.arch];
  if (folder === undefined || !existsSync('/etc/debian_version')) return [];
  const libraries = { 'libisal.so.2': 'libisal2', 'libdeflate.so.0': 'libdeflate0' };
  return Object.entries(libraries).flatMap(([file, name]) => (existsSync(join(folder, file)) ? [] : [name]));
}

function postgresVersions() {
  return existsSync(POSTGRES_HOME) ? readdirSync(POSTGRES_HOME).filter((name) => /^\d+$/.test(name)) : [];
}

async function outdatedPackages() {
  if (process.env.HOZEN_ALLOW_UNPATCHED === '1') return [];
  const outdated = [];
  for (const major of postgresVersions()) {
    const pgDump = join(POSTGRES_HOME, major, 'bin', 'pg_dump');
    if (!existsSync(pgDump) || PATCHED[major] === undefined) continue;
    const { output } = await run(pgDump, ['--version'], { quiet: true });
    const minor = /\) \d+\.(\d+)/.exec(output)?.[1];
    if (minor !== undefined && Number(minor) < PATCHED[major]) {
      outdated.push(`postgresql-client-${major}`);
      if (existsSync(join(POSTGRES_HOME, major, 'bin', 'postgres'))) outdated.push(`postgresql-${major}`);
    }
  }
  return outdated;
}

/** The command prefix that makes apt-get run as root. Undefined: impossible, but only updates are due. */
function asRoot(packages) {
  const missing = missingPackages();
  if (!which('apt-get')) {
    if (missing.length === 0) return undefined;
    throw new Obstacle(
      `Not installed here, and this system has no apt-get: ${missing.join(', ')}.`,
      'Install nats-server (2.9 or newer), PostgreSQL with its server programs and contrib, age and zstd with your package manager ' +
        '(HOZEN_PG_BIN_<major> names another folder of PostgreSQL programs; HOZEN_NATS_URL a running NATS server), then run it again.',
    );
  }
  if (process.getuid?.() === 0) return [];
  const sudo = which('sudo');
  if (sudo) return process.stdin.isTTY ? [sudo] : [sudo, '-n'];
  if (missing.length === 0) return undefined;
  throw new Obstacle(
    `Not installed here: ${missing.join(', ')}. Installing needs root, and there is no sudo.`,
    `Let an administrator run: apt-get install ${packages.join(' ')}`,
  );
}

const NETWORK =
  /Could not resolve|Temporary failure|Failed to fetch|Connection timed out|Network is unreachable|Unable to connect/;
const SUDO = /a password is required|is not in the sudoers|not allowed to execute/;

function installFailed(still, code, output) {
  const command = `apt-get install ${still.join(' ')}`;
  if (SUDO.test(output)) {
    return new Obstacle('Installing needs root, and sudo did not allow it.', `Run this first, as root: ${command}`, {
      output,
    });
  }
  if (NETWORK.test(output)) {
    return new Obstacle(
      `apt-get cannot reach the package server; still missing: ${still.join(', ')}.`,
      'Check the network, the proxy (http_proxy) and /etc/apt/sources.list, then run it again.',
      { output },
    );
  }
  if (/No space left|don't have enough free space/.test(output)) {
    return new Obstacle('The disk is full.', 'Free at least 500 MB for the packages, then run it again.', { output });
  }
  return new Obstacle(
    `apt-get ended with ${code}; still missing: ${still.join(', ')}.`,
    `Its messages stand above. Run it by hand to see more: ${command}`,
    { output },
  );
}
