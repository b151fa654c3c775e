import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { Readable, type Writable } from 'node:stream';
import { guarded } from '../processes/guarded.js';
import { signalGroup } from '../processes/group.js';
import type { SandboxView } from '../processes/sandbox-arguments.js';
import { confined } from '../processes/sandbox.js';
import type { ToolEnvironment } from './tool-environment.js';
import type { ToolRun } from './tool-run.js';

export interface ChildEnding {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The program's input broke off; whatever it did with the half of it does not count. */
  inputFailure: Error | undefined;
}

export interface StartedChild {
  pid: number | undefined;
  stdout: Readable;
  onMessages(listener: (chunk: Buffer) => void): void;
  /** Settles after `close`: `exit` may come while output is still waiting in the pipe. */
  ended: Promise<ChildEnding>;
}

/** Milliseconds between asking a program to end and ending it. */
const GRACE_MS = 2_000;

/** @throws HozenError SANDBOX_MISSING, TOOL_MISSING */
export function startChild(run: ToolRun, { variables, view }: ToolEnvironment): StartedChild {
  const plain = { path: run.path, args: run.args };
  const held = run.sandbox && confined(plain, together(view, run.sandbox), run.runAs);
  const { path, args } = guarded(held ?? plain, 'KILL', run.runAs);
  const source = typeof run.stdin === 'number' ? undefined : run.stdin;
  const stdin = source ? 'pipe' : ((run.stdin as number | undefined) ?? 'ignore');
  const child = spawn(path, args, {
    env: { ...variables },
    cwd: run.cwd ?? '/',
    stdio: [stdin, run.stdout ?? 'pipe', 'pipe'],
    detached: true,
  });
  const stdout = child.stdout ?? Readable.from([]);
  // An abort destroys it with an error, perhaps before anybody listens.
  stdout.on('error', () => undefined);
  const input = source ? feed(child, source) : {};
  return {
    pid: child.pid,
    stdout,
    onMessages: (listener) => child.stderr?.on('data', listener),
    ended: ending(child, stdout, input, run.signal).then((end) => (held ? asOfInside(end) : end)),
  };
}

function together(view: SandboxView, { reads = [], writes = [] }: SandboxView): SandboxView {
  return { ...view, reads: [...(view.reads ?? []), ...reads], writes };
}

/** A sandbox whose program was ended by a signal ends as a shell does. */
function asOfInside(end: ChildEnding): ChildEnding {
  const number = (end.code ?? 0) - 128;
  const signal = Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
  return signal === undefined ? end : { ...end, code: null, signal: signal as NodeJS.Signals };
}

async function ending(
  child: ChildProcess,
  stdout: Readable,
  input: { failure?: Error },
  abort: AbortSignal | undefined,
): Promise<ChildEnding> {
  let killer: NodeJS.Timeout | undefined;
  const end = () => {
    signalGroup(child, 'SIGTERM');
    killer = setTimeout(() => signalGroup(child, 'SIGKILL'), GRACE_MS);
    // Nobody may be reading any more, and the program could not end before its output is taken.
    stdout.destroy(abort?.reason instanceof Error ? abort.reason : new Error('aborted'));
  };
  abort?.addEventListener('abort', end, { once: true });
  try {
    return await new Promise<ChildEnding>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => {
        // What it leaves behind would hold our end of the pipes open, and its connection to the target too.
        if (code !== 0) signalGroup(child, 'SIGKILL');
      });
      child.once('close', (code, signal) => resolve({ code, signal, inputFailure: input.failure }));
    });
  } finally {
    clearTimeout(killer);
    abort?.removeEventListener('abort', end);
  }
}

/**
 * Gives the program its input. When the source breaks off, the program must not take what it got for the whole: its
 * input is left open and the program is killed.
 */
function feed(child: ChildProcess, source: Readable | AsyncIterable<Buffer>): { failure?: Error } {
  const input: { failure?: Error } = {};
  const { stdin } = child;
  if (stdin === null) return input;
  const refused = new AbortController();
  const fail = (failure: Error) => {
    if (refused.signal.aborted || input.failure !== undefined) return;
    input.failure = failure;
    signalGroup(child, 'SIGKILL');
  };
  const stop = () => refused.abort();
  // A program may end without reading all of its input; its exit status tells whether that was right.
  stdin.once('error', stop);
  stdin.on('error', () => undefined);
  child.once('exit', stop);
  if (source instanceof Readable) flow(source, stdin, refused.signal, fail);
  else pieceByPiece(source, stdin, refused.signal).catch(fail);
  return input;
}

function flow(source: Readable, stdin: Writable, refused: AbortSignal, fail: (failure: Error) => void): void {
  source.once('error', fail);
  source.once('close', () => {
    if (!source.readableEnded) fail(new Error('the input ended early'));
  });
  refused.addEventListener('abort', () => source.destroy(), { once: true });
  source.pipe(stdin);
}

async function pieceByPiece(source: AsyncIterable<Buffer>, stdin: Writable, refused: AbortSignal): Promise<void> {
  for await (const piece of source) {
    if (refused.aborted) return;
    const failure = await new Promise((resolve) => stdin.write(piece, resolve));
    if (failure) return;
  }
  stdin.end();
}
