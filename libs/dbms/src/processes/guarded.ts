import { HozenError } from '@hozen/contracts';
import { limited, type Command } from './child-limits.js';
import { findSystemProgram } from './find-program.js';

/** User and group to run a process as; only root can ask for another than its own. */
export interface RunAs {
  uid: number;
  gid: number;
}

/**
 * A command whose process gets `signal` when ours dies, however it dies: a SIGKILL leaves us no chance to clean up, and
 * a pg_dump without its reader would hold locks on the target for as long as it likes.
 *
 * Linux ties this to the thread that started the process, so start processes from the main thread. What limits its
 * starter, limits it ({@link withChildLimits}).
 *
 * @throws HozenError TOOL_MISSING when there is no setpriv (util-linux) on Linux
 */
export function guarded(command: Command, signal: 'KILL' | 'QUIT', runAs?: RunAs): Command {
  if (process.platform !== 'linux') return command;
  const identity = runAs === undefined ? [] : [`--reuid=${runAs.uid}`, `--regid=${runAs.gid}`, '--clear-groups'];
  const args = [...identity, '--pdeathsig', signal, '--', command.path, ...command.args];
  return limited({ path: setpriv(), args });
}

function setpriv(): string {
  const path = findSystemProgram('setpriv');
  if (path === undefined) {
    throw new HozenError('TOOL_MISSING', { tool: 'setpriv', major: '' }, { detail: 'install the package util-linux' });
  }
  return path;
}
