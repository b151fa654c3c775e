import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Command } from './child-limits.js';

/** What a program in a sandbox sees beyond the system's programs and libraries. Full paths, of files or folders. */
export interface SandboxView {
  reads?: readonly string[];
  writes?: readonly string[];
  /** Without it there is no network, not even that of this machine; sockets among the paths can be reached. */
  network?: boolean;
}

/** Folders of programs and libraries; on many systems all but the first are links into it. */
const SYSTEM = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64'];

/** What libraries look up by themselves. No secret is among them. */
const LOOKED_UP = ['/etc/ld.so.cache', '/etc/passwd', '/etc/group', '/etc/localtime', '/etc/alternatives'];

/** Names and authorities of servers elsewhere. */
const FOR_NETWORK = [
  '/etc/resolv.conf',
  '/etc/hosts',
  '/etc/nsswitch.conf',
  '/etc/gai.conf',
  '/etc/ssl/certs',
  '/usr/share/ca-certificates',
];

/** Empty, and gone with the program. */
const HOME = '/home';

const PRIVATE = ['--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp', '--tmpfs', HOME];

const AT_LAST = ['--remount-ro', '/', '--chdir', '/', '--setenv', 'HOME', HOME];

const NAMESPACES = ['--unshare-ipc', '--unshare-pid', '--unshare-uts', '--unshare-cgroup-try'];

/**
 * Root has to reach the sockets and files of servers, which belong to other users; that right is all that is left of it.
 * Others make a user namespace of their own, which root would only lose it by.
 */
const OF_ROOT = ['--cap-drop', 'ALL', '--cap-add', 'CAP_DAC_OVERRIDE'];
const OF_OTHERS = ['--unshare-user', '--cap-drop', 'ALL'];

export interface Confined {
  command: Command;
  view: SandboxView;
  /** Of who starts it. */
  uid: number | undefined;
  /** Where to write down which process it is, and let it be the first of its own: its end is then the end of all. */
  infoFd?: number;
}

/** What bubblewrap is told to keep a program from everything but what it needs. */
export function sandboxArguments({ command, view, uid, infoFd }: Confined): string[] {
  return [
    ...NAMESPACES,
    ...(view.network ? [] : ['--unshare-net']),
    ...(uid === 0 ? OF_ROOT : OF_OTHERS),
    '--die-with-parent',
    ...(infoFd === undefined ? [] : ['--as-pid-1', '--info-fd', String(infoFd)]),
    ...SYSTEM.flatMap(systemFolder),
    ...[...LOOKED_UP, ...(view.network ? FOR_NETWORK : [])].flatMap((path) => mount('--ro-bind-try', path)),
    ...PRIVATE,
    ...installationOf(command.path).flatMap((path) => mount('--ro-bind', path)),
    // A socket or a file may be gone by now: the program says so in its own words.
    ...(view.reads ?? []).flatMap((path) => mount('--ro-bind-try', path)),
    ...(view.writes ?? []).flatMap((path) => mount('--bind', path)),
    ...AT_LAST,
    '--',
    command.path,
    ...command.args,
  ];
}

function mount(how: string, path: string): string[] {
  return [how, path, path];
}

function systemFolder(path: string): string[] {
  try {
    return lstatSync(path).isSymbolicLink() ? ['--symlink', readlinkSync(path), path] : mount('--ro-bind', path);
  } catch {
    return [];
  }
}

/** What comes with a program that is not where the system's are: its libraries stand beside its folder, or in its tree. */
function installationOf(program: string): string[] {
  const real = realPath(program);
  if (SYSTEM.some((folder) => real.startsWith(`${folder}/`))) return [];
  const bin = dirname(real);
  const isBin = /^s?bin$/.test(basename(bin)) && dirname(bin) !== '/';
  return [treeOf(real) ?? (isBin ? dirname(bin) : bin), ...(dirname(program) === bin ? [] : [dirname(program)])];
}

/** Of a system unpacked below some folder, or kept in a store: its programs bring even the loader along. */
function treeOf(program: string): string | undefined {
  return /^\/(?:nix|gnu)\/store(?=\/)/.exec(program)?.[0] ?? /^\/.+?(?=\/usr\/)/.exec(program)?.[0];
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
