import { basename } from 'node:path';
import { inSpan, type Attributes, type Span } from '@hozen/telemetry';
import { TailText } from '../processes/tail-text.js';
import { startChild } from './child.js';
import { plainEnvironment } from './tool-environment.js';
import { abortReason, inputError, toolError } from './tool-error.js';
import type { RunningTool, ToolRun } from './tool-run.js';

/** Bytes of a program's messages that are kept. */
const STDERR_LIMIT = 16 * 1024;

/**
 * Starts a program without a shell. It dies with us, and leads a process group so that all it started dies with it.
 *
 * @throws what `done` rejects with, when the run is aborted already or the program cannot even be tried
 */
export function runTool(run: ToolRun): RunningTool {
  if (run.signal?.aborted) throw abortReason(run.signal);
  const tool = basename(run.path);
  const env = run.env ?? plainEnvironment();
  const child = startChild(run, env);
  const messages = new TailText(STDERR_LIMIT, env.secrets);
  child.onMessages((chunk) => messages.append(chunk));

  const work = async (span: Span) => {
    const { code, signal, inputFailure } = await child.ended;
    if (code !== null) span.setAttribute('process.exit.code', code);
    const stderr = messages.toString();
    if (run.signal?.aborted) throw abortReason(run.signal);
    if (inputFailure !== undefined) throw inputError(tool, inputFailure);
    if (code !== 0 && !(code !== null && run.goodExits?.includes(code)))
      throw toolError(tool, { code, signal }, stderr, env.address);
    return { stderr };
  };
  const done = inSpan(run.spanName ?? tool, { attributes: processAttributes(run, child.pid) }, work);
  // Who reads the output learns of a failure when it awaits `done`, perhaps much later; until then it is not "unhandled".
  done.catch(() => undefined);
  return { stdout: child.stdout, pid: child.pid, done };
}

/** OpenTelemetry's names, https://opentelemetry.io/docs/specs/semconv/resource/process/ */
function processAttributes({ path, args, attributes }: ToolRun, pid: number | undefined): Attributes {
  return {
    'process.executable.name': basename(path),
    'process.executable.path': path,
    'process.command_args': [basename(path), ...args],
    ...(pid === undefined ? {} : { 'process.pid': pid }),
    ...attributes,
  };
}
