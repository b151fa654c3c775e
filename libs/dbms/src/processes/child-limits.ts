import { AsyncLocalStorage } from 'node:async_hooks';
import { findSystemProgram } from './find-program.js';

export interface Command {
  path: string;
  args: readonly string[];
}

/** What programs are held to from their first instruction on, with all that they start. */
export interface ChildLimits {
  /** Folder of a control group (version 2) that they join. Whoever made it removes it when they are gone. */
  cgroup?: string;
  /** 0 to 19: how far they give way to other programs. */
  niceness?: number;
  /** Their place in the queue of a disk; level 0 (first) to 7 (last) of best-effort. */
  io?: { class: 'idle' } | { class: 'best-effort'; level: number };
}

const limits = new AsyncLocalStorage<ChildLimits>();

/** Every program that `work` starts, however deep below, is held to the limits. */
export function withChildLimits<T>(of: ChildLimits, work: () => T): T {
  return limits.run(of, work);
}

/** Who writes 0 there joins. A program that cannot join runs all the same: a backup matters more than its limit. */
const JOIN = '{ echo 0 > "$1/cgroup.procs"; } 2>/dev/null; shift; exec "$@"';

const IO_CLASSES = { 'best-effort': '2', idle: '3' } as const;

/** The command under the limits of whoever starts it. It is still root then, if we are. */
export function limited(command: Command): Command {
  const { cgroup, niceness = 0, io } = limits.getStore() ?? {};
  let { path, args } = command;
  const ionice = io && findSystemProgram('ionice');
  if (ionice) {
    const level = io.class === 'best-effort' ? ['-n', String(io.level)] : [];
    args = ['-t', '-c', IO_CLASSES[io.class], ...level, path, ...args];
    path = ionice;
  }
  const nice = niceness > 0 ? findSystemProgram('nice') : undefined;
  if (nice) {
    args = ['-n', String(niceness), path, ...args];
    path = nice;
  }
  return cgroup === undefined ? { path, args } : { path: '/bin/sh', args: ['-c', JOIN, 'join', cgroup, path, ...args] };
}
