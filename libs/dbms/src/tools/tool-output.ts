import { basename } from 'node:path';
import { HozenError } from '@hozen/contracts';
import { runTool } from './run-tool.js';
import type { ToolRun } from './tool-run.js';

/** Bytes; a program that is asked for a short answer gives a short answer. */
const DEFAULT_LIMIT = 64 * 1024 * 1024;

/**
 * Runs a program to its end and returns what it printed.
 *
 * @param limit bytes it may print at most; more ends it with TOOL_FAILED
 */
export async function toolOutput(run: ToolRun, limit = DEFAULT_LIMIT): Promise<Buffer> {
  const tool = runTool(run);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of tool.stdout as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      // Leaving the loop destroys the stream, which ends the program at its next write.
      if (bytes > limit) break;
      chunks.push(chunk);
    }
  } catch {
    // Only an abort breaks the stream; `done` knows the reason.
  }
  if (bytes > limit) {
    await tool.done.catch(() => undefined);
    throw new HozenError('TOOL_FAILED', { tool: basename(run.path), exit: `more than ${limit} bytes of output` });
  }
  await tool.done;
  return Buffer.concat(chunks);
}
