import { HozenError, type ErrorParams } from '@hozen/contracts';
import { targetParams, type AddressFacts } from '../connection/target-error.js';
import { codeOfToolMessage } from '../connection/tool-messages.js';

export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** What the end of a program means, told from its messages (C locale). */
export function toolError(tool: string, ending: Ending, stderr: string, address: AddressFacts | undefined): HozenError {
  const exit = ending.signal === null ? `status ${ending.code}` : `signal ${ending.signal}`;
  const detail = stderr.trim();
  if (/^(?:setpriv: failed to execute|bwrap: execvp)/.test(detail)) {
    return new HozenError('TOOL_MISSING', { tool, major: '' }, { detail });
  }
  // A program that was killed had no time to complain: what it said before is no reason.
  const code = ending.signal === null ? codeOfToolMessage(stderr) : undefined;
  if (code === undefined || (code.startsWith('TARGET_') && address === undefined)) {
    return new HozenError('TOOL_FAILED', { tool, exit }, { detail });
  }
  const params: ErrorParams = {
    ...(address === undefined ? {} : targetParams(address)),
    ...versionsIn(stderr),
    tool,
    exit,
    path: fullFileIn(stderr) ?? `the output of ${tool}`,
  };
  return new HozenError(code, params, { detail });
}

/** The program got only a part of its input. */
export function inputError(tool: string, cause: Error): HozenError {
  if (cause instanceof HozenError) return cause;
  return new HozenError('TOOL_FAILED', { tool, exit: 'incomplete input' }, { detail: cause.message, cause });
}

/** Why a run was aborted: the reason itself when it is one of ours. */
export function abortReason({ reason }: AbortSignal): HozenError {
  return reason instanceof HozenError ? reason : new HozenError('CANCELLED', {}, { cause: reason });
}

function versionsIn(stderr: string): ErrorParams {
  const server = /server version:? "?(\d[\w.]*)/.exec(stderr)?.[1];
  const client = /(?:pg_\w+|psql) version: (\d[\w.]*)/.exec(stderr)?.[1];
  return { ...(server === undefined ? {} : { server }), ...(client === undefined ? {} : { client }) };
}

function fullFileIn(stderr: string): string | undefined {
  return /"([^"\n]+)"[^"\n]*: No space left on device/.exec(stderr)?.[1];
}
