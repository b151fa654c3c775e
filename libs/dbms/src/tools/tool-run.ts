import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { Attributes } from '@hozen/telemetry';
import type { RunAs } from '../processes/guarded.js';
import type { SandboxView } from '../processes/sandbox-arguments.js';
import type { ToolEnvironment } from './tool-environment.js';

export interface ToolRun {
  /** Full path of the program. */
  path: string;
  /** Never secrets: every user of the machine can read them. Database names only through `databaseArgument`. */
  args: readonly string[];
  /** From `toolEnvironment`; without it the program knows of no server. */
  env?: ToolEnvironment;
  /**
   * What the program reads; nothing by default. A file descriptor is handed over as it is. Of what is no stream, the next chunk is asked
   * for when the one before is in the pipe: its memory may be used again.
   */
  stdin?: Readable | AsyncIterable<Buffer> | number;
  /** Where its output goes: to {@link RunningTool.stdout} (the default), nowhere, or into a file descriptor or socket. */
  stdout?: 'pipe' | 'ignore' | number | Socket;
  /** Ends the program: SIGTERM, and SIGKILL if that does not do. `done` then rejects with the signal's reason. */
  signal?: AbortSignal;
  /**
   * For programs that read what may be written by somebody else: they run in a sandbox where one can be had, and see nothing but this and
   * the way to the server of `env`. That includes a network only where the server is not reached by a socket.
   */
  sandbox?: Pick<SandboxView, 'reads' | 'writes'>;
  /** Only for root. */
  runAs?: RunAs;
  cwd?: string;
  /** Exit statuses besides 0 that are no failure; none by default. */
  goodExits?: readonly number[];
  /** The program's name by default. */
  spanName?: string;
  attributes?: Attributes;
}

export interface RunningTool {
  /**
   * Read it to the end, or destroy it: the program cannot end before its output is taken. The end of this stream does
   * not mean success; only `done` does.
   */
  readonly stdout: Readable;
  readonly pid: number | undefined;
  /**
   * Resolves when the program ended well and everything it wrote has been read.
   *
   * Rejects with TOOL_FAILED (the end of its messages as detail), a target error that the messages name, TOOL_MISSING
   * when it cannot be started, or the reason of the abort.
   */
  readonly done: Promise<{ stderr: string }>;
}
