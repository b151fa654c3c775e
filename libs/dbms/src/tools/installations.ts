import { readdir, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isExecutable, programFolders } from '../processes/find-program.js';
import { toolOutput } from './tool-output.js';
import { parseVersion } from './versions.js';

/** A folder with PostgreSQL's programs. */
export interface Installation {
  bin: string;
  major: number;
  /** `15.20` */
  version: string;
}

/** Where Debian's and Ubuntu's packages put each major. */
const DEBIAN_FOLDER = '/usr/lib/postgresql';

/**
 * The installations on this machine that have `program`, in the order in which they count: folders named by
 * HOZEN_PG_BIN_<major>, Debian's, then PATH.
 */
export async function installations(program: 'pg_dump' | 'postgres'): Promise<Installation[]> {
  const folders = [...foldersFromEnvironment(), ...(await debianFolders()), ...programFolders()];
  const found = await Promise.all(folders.map((folder) => installationIn(folder, program)));
  const seen = new Set<string>();
  return found
    .filter((installation) => installation !== undefined)
    .filter(({ bin }) => !seen.has(bin) && seen.add(bin));
}

function foldersFromEnvironment(): string[] {
  return Object.entries(process.env)
    .filter(([name, value]) => /^HOZEN_PG_BIN_\d+$/.test(name) && value)
    .map(([, value]) => value as string);
}

async function debianFolders(): Promise<string[]> {
  const majors = await readdir(DEBIAN_FOLDER).catch(() => []);
  return majors.map((major) => join(DEBIAN_FOLDER, major, 'bin'));
}

async function installationIn(folder: string, program: string): Promise<Installation | undefined> {
  const path = join(folder, program);
  if (!isExecutable(path)) return undefined;
  // Debian's /usr/bin/pg_dump is a Perl script that chooses a version by itself; it says which, and may change its mind.
  const real = await realpath(path);
  if (real.endsWith('pg_wrapper')) return undefined;
  const version = await versionOf(real);
  return version === undefined ? undefined : { bin: dirname(real), version, major: parseVersion(version).major };
}

/** Asked once for each state of the file: packages are upgraded under running workers. */
const versions = new Map<string, Promise<string | undefined>>();

async function versionOf(path: string): Promise<string | undefined> {
  const { ino, mtimeMs, size } = await stat(path);
  const key = `${path} ${ino} ${mtimeMs} ${size}`;
  const known = versions.get(key) ?? askVersion(path);
  versions.set(key, known);
  return known;
}

async function askVersion(path: string): Promise<string | undefined> {
  try {
    const answer = await toolOutput({ path, args: ['--version'] }, 4096);
    return /\(PostgreSQL\) (\d[\w.]*)/.exec(answer.toString('utf8'))?.[1];
  } catch {
    // A program that cannot even say its version (broken libraries) is as good as none.
    return undefined;
  }
}
