import { dirname, join } from 'node:path';
import { HozenError } from '@hozen/contracts';
import { isExecutable, programFolders } from '../processes/find-program.js';
import { runTool } from '../tools/run-tool.js';
import { toolOutput } from '../tools/tool-output.js';
import { parseVersion } from '../tools/versions.js';
import type { Flavour, ServerKind } from './flavour.js';

/** Folders in which distributions put servers, and that are not in everybody's PATH. */
const SERVER_FOLDERS = ['/usr/sbin', '/usr/libexec', '/usr/local/sbin'];

export type MariadbTool = 'dump' | 'client' | 'server' | 'install' | 'backup' | 'unpack' | 'binlog';

/** Older packages have MariaDB's programs under MySQL's names. */
const NAMES: Readonly<Record<Flavour, Readonly<Record<MariadbTool, readonly string[]>>>> = {
  mariadb: {
    dump: ['mariadb-dump', 'mysqldump'],
    client: ['mariadb', 'mysql'],
    server: ['mariadbd', 'mysqld'],
    install: ['mariadb-install-db', 'mysql_install_db'],
    backup: ['mariadb-backup', 'mariabackup'],
    unpack: ['mbstream'],
    binlog: ['mariadb-binlog', 'mysqlbinlog'],
  },
  mysql: {
    dump: ['mysqldump'],
    client: ['mysql'],
    server: ['mysqld'],
    install: ['mysqld'],
    backup: [],
    unpack: [],
    binlog: ['mysqlbinlog'],
  },
};

const INSTALL: Readonly<Record<Flavour, string>> = {
  mariadb:
    'install the packages mariadb-client, for proofs by restore mariadb-server, for copies of files mariadb-backup',
  mysql:
    "install MySQL's client, for proofs by restore its server of the same release series, or name their folder in HOZEN_MYSQL_BIN",
};

export interface MariadbProgram {
  path: string;
  /** `10.11.19` */
  version: string;
}

/** Which programs are wanted: without a version, the first that there are. */
export type WantedKind = Pick<ServerKind, 'flavour'> & Partial<Pick<ServerKind, 'version'>>;

/**
 * A program for a server: the first that is not older than it, and of servers themselves the first of its release series;
 * where there is none, the first of all, so that whoever uses it can say what is wrong with it.
 * @throws HozenError PROGRAM_MISSING
 */
export async function findMariadbTool(
  tool: MariadbTool,
  { flavour, version }: WantedKind = { flavour: 'mariadb' },
): Promise<MariadbProgram> {
  let first: MariadbProgram | undefined;
  for (const path of candidates(tool, flavour)) {
    const found = await versionOf(path, flavour);
    if (found === undefined) continue;
    const program = { path, version: found };
    if (version === undefined || fits(tool, found, version)) return program;
    first ??= program;
  }
  if (first) return first;
  const name = NAMES[flavour][tool][0] ?? tool;
  throw new HozenError('PROGRAM_MISSING', { tool: name }, { detail: INSTALL[flavour] });
}

function fits(tool: MariadbTool, version: string, wanted: string): boolean {
  const isServer = tool === 'server' || tool === 'install';
  return isServer ? seriesOf(version) === seriesOf(wanted) : isAtLeast(version, wanted);
}

function candidates(tool: MariadbTool, flavour: Flavour): string[] {
  const folders = [...(flavour === 'mysql' ? foldersFromEnvironment() : []), ...programFolders(), ...SERVER_FOLDERS];
  const all = NAMES[flavour][tool].flatMap((name) => folders.map((folder) => join(folder, name)));
  return [...new Set(all)].filter(isExecutable);
}

/** Some put the server beside the folder of the other programs. */
function foldersFromEnvironment(): string[] {
  const named = (process.env['HOZEN_MYSQL_BIN'] ?? '').split(':').filter((folder) => folder.startsWith('/'));
  return named.flatMap((folder) => [folder, ...['sbin', 'libexec'].map((each) => join(dirname(folder), each))]);
}

/** Whether one release series is that of the other, or a later one. */
export function isAtLeast(version: string, other: string): boolean {
  const [one, two] = [parseVersion(version), parseVersion(other)];
  return one.major > two.major || (one.major === two.major && one.minor >= two.minor);
}

/** `10.11` */
export function seriesOf(version: string): string {
  const { major, minor } = parseVersion(version);
  return `${major}.${minor}`;
}

const VERSION: Readonly<Record<Flavour, RegExp>> = {
  mariadb: /(\d+\.\d+\.\d+)-MariaDB/,
  mysql: /^(?!.*MariaDB).* Ver (\d+\.\d+\.\d+)/,
};

/** Undefined for what is of the other flavour, or cannot even say its version. What comes with another program of MariaDB has none of its own. */
async function versionOf(path: string, flavour: Flavour): Promise<string | undefined> {
  if (flavour === 'mariadb' && /(install.db|mbstream|binlog)$/.test(path)) return '0';
  try {
    // Some say it to those who read what they print, some to those who read their errors.
    const { stderr } = await runTool({ path, args: ['--no-defaults', '--version'], stdout: 'ignore' }).done;
    const answer = stderr || (await toolOutput({ path, args: ['--no-defaults', '--version'] }, 4096)).toString('utf8');
    return VERSION[flavour].exec(answer)?.[1];
  } catch {
    return undefined;
  }
}
