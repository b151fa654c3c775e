import { join } from 'node:path';
import { HozenError } from '@hozen/contracts';
import { findProgram, isExecutable } from '../processes/find-program.js';
import { runTool } from '../tools/run-tool.js';
import { toolOutput } from '../tools/tool-output.js';
import { parseVersion } from '../tools/versions.js';

/** Folders in which distributions put servers, and that are not in everybody's PATH. */
const SERVER_FOLDERS = ['/usr/sbin', '/usr/libexec', '/usr/local/sbin'];

/** Programs of MariaDB; older packages have them under MySQL's names. */
const NAMES = {
  dump: ['mariadb-dump', 'mysqldump'],
  client: ['mariadb', 'mysql'],
  server: ['mariadbd', 'mysqld'],
  install: ['mariadb-install-db', 'mysql_install_db'],
  backup: ['mariadb-backup', 'mariabackup'],
  unpack: ['mbstream'],
  binlog: ['mariadb-binlog', 'mysqlbinlog'],
} as const;

export type MariadbTool = keyof typeof NAMES;

export interface MariadbProgram {
  path: string;
  /** `10.11.19` */
  version: string;
}

/** @throws HozenError TOOL_MISSING */
export async function findMariadbTool(tool: MariadbTool): Promise<MariadbProgram> {
  for (const name of NAMES[tool]) {
    const path = findProgram(name) ?? SERVER_FOLDERS.map((folder) => join(folder, name)).find(isExecutable);
    const version = path === undefined ? undefined : await versionOf(path);
    if (path !== undefined && version !== undefined) return { path, version };
  }
  const detail =
    'install the packages mariadb-client, for proofs by restore mariadb-server, for copies of files mariadb-backup';
  throw new HozenError('TOOL_MISSING', { tool: NAMES[tool][0], major: '' }, { detail });
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

/** Undefined for what is MySQL's, or cannot even say its version. What comes with another program has none of its own. */
async function versionOf(path: string): Promise<string | undefined> {
  if (/(install.db|mbstream|binlog)$/.test(path)) return '0';
  try {
    // Some say it to those who read what they print, some to those who read their errors.
    const { stderr } = await runTool({ path, args: ['--no-defaults', '--version'], stdout: 'ignore' }).done;
    const answer = stderr || (await toolOutput({ path, args: ['--no-defaults', '--version'] }, 4096)).toString('utf8');
    return /(\d+\.\d+\.\d+)-MariaDB/.exec(answer)?.[1];
  } catch {
    return undefined;
  }
}
