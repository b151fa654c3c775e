import { open } from 'node:fs/promises';
import { HozenError } from '@hozen/contracts';
import { runTool, type RunningTool, type ToolRun } from '@hozen/dbms';
import type { StreamWriter } from '../artefact/stream-writer.js';
import { CustomFormatReader, FormatError, type StreamContents, type TakeEntry } from './custom-format.js';
import { ToolOutput, type TakeChunk } from './tool-output.js';

/** A program whose output waits to be taken by {@link pour}. */
export interface StartedTool {
  tool: RunningTool;
  output: ToolOutput;
}

/** @param opening its output, where that was begun already */
export async function startTool(run: Omit<ToolRun, 'stdout'>, opening = ToolOutput.open()): Promise<StartedTool> {
  const output = await opening;
  try {
    return { output, tool: output.give((stdout) => runTool({ ...run, stdout })) };
  } catch (error) {
    output.close();
    throw error;
  }
}

/**
 * Takes what a program prints. It is done when the program ended well and every chunk was taken.
 * @returns its messages
 * @throws what the program failed with, or `take`
 */
export async function takeOutput({ tool, output }: StartedTool, take: TakeChunk): Promise<{ stderr: string }> {
  try {
    await output.read(take);
  } catch (error) {
    // Our end is closed, so the program ends. When it is the cause itself, its own reason counts.
    const reason = await tool.done.then(() => undefined).catch((failure: unknown) => failure);
    throw isOurs(error) ? error : (reason ?? error);
  }
  return tool.done;
}

/** Ends a program whose output nobody takes; one that has ended already, or was never started, stays as it is. */
export async function discardTool(started: Promise<StartedTool> | undefined): Promise<void> {
  const running = await started?.catch(() => undefined);
  running?.output.close();
  await running?.tool.done.catch(() => undefined);
}

/** Runs a program to its end, and hands over what it prints; as {@link takeOutput}. */
export async function runInto(run: Omit<ToolRun, 'stdout'>, take: TakeChunk): Promise<{ stderr: string }> {
  return takeOutput(await startTool(run), take);
}

/** Carries what a program prints into a stream of the artefact, which stays open. */
export async function pour(started: StartedTool, stream: StreamWriter): Promise<void> {
  await takeOutput(started, (chunk) => stream.write(chunk));
}

/** {@link pour} for pg_dump's custom format: it must come to its proper end as well. Without a stream it is only read. */
export async function pourArchive(
  started: StartedTool,
  stream: Pick<StreamWriter, 'write'> | undefined,
  onBytes: (bytes: number) => void,
  onEntry?: TakeEntry,
): Promise<StreamContents> {
  const archive = new CustomFormatReader({ onEntry });
  try {
    await takeOutput(started, (chunk) => {
      archive.push(chunk);
      onBytes(chunk.length);
      return stream?.write(chunk);
    });
    return archive.end();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const exit = 'success, but not with a whole archive';
    throw new HozenError('TOOL_FAILED', { tool: 'pg_dump', exit }, { detail: error.message, cause: error });
  }
}

/** Lends a new file to what pours into a stream. */
export async function pourIntoFile<T>(
  path: string,
  pouring: (file: Pick<StreamWriter, 'write'>) => Promise<T>,
): Promise<T> {
  await using file = await open(path, 'w', 0o600);
  return await pouring({ write: (chunk) => file.appendFile(chunk) });
}

/** The writer and the reader of the format say what is wrong; a broken pipe only says that something is. */
function isOurs(error: unknown): boolean {
  return error instanceof HozenError || error instanceof FormatError;
}
