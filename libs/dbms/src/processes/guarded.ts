import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { HozenError } from '@hozen/contracts';

/** User and group to run a process as; only root can ask for another than its own. */
export interface RunAs {
  uid: number;
  gid: number;
}

export interface Command {
  path: string;
  args: readonly string[];
}

/**
 * A command whose process gets `signal` when ours dies, however it dies: a SIGKILL leaves us no chance to clean up, and
 * a pg_dump without its reader would hold locks on the target for as long as it likes.
 *
 * Linux ties this to the thread that started the process, so start processes from the main thread.
 *
 * @throws HozenError TOOL_MISSING when there is no setpriv (util-linux) on Linux
 */
export function guarded(command: Command, signal: 'KILL' | 'QUIT', runAs?: RunAs): Command {
  if (process.platform !== 'linux') return command;
  const identity = runAs === undefined ? [] : [`--reuid=${runAs.uid}`, `--regid=${runAs.gid}`, '--clear-groups'];
  return { path: setpriv(), args: [...identity, '--pdeathsig', signal, '--', command.path, ...command.args] };
}

let setprivPath: string | undefined;

function setpriv(): string {
  setprivPath ??= findProgram('setpriv');
  if (setprivPath === undefined) {
    throw new HozenError('TOOL_MISSING', { tool: 'setpriv', major: '' }, { detail: 'install the package util-linux' });
  }
  return setprivPath;
}

/** Full path of a program, looked for as a shell would. */
export function findProgram(name: string): string | undefined {
  return programFolders()
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

/** The folders of PATH. */
export function programFolders(): string[] {
  return (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder.startsWith('/'));
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
