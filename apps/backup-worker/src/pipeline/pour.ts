import { HozenError } from '@hozen/contracts';
import type { RunningTool } from '@hozen/dbms';
import type { StreamWriter } from '../artefact/stream-writer.js';
import { CustomFormatReader, FormatError, type ArchiveContent } from './custom-format.js';

/**
 * Carries what a program prints into a stream of the artefact. It is done when the program ended well and its output
 * was written whole; the stream is still open then.
 * @throws what the program failed with, or the writer.
 */
export async function pour(
  tool: RunningTool,
  stream: StreamWriter,
  onBytes: (chunk: Buffer) => void = () => undefined,
): Promise<void> {
  try {
    for await (const chunk of tool.stdout as AsyncIterable<Buffer>) {
      onBytes(chunk);
      const full = stream.write(chunk);
      if (full) await full;
    }
  } catch (error) {
    // Leaving the loop closed the pipe: the program ends. When it is the cause itself, its own reason counts.
    const reason = await tool.done.then(() => undefined).catch((failure: unknown) => failure);
    throw isOurs(error) ? error : (reason ?? error);
  }
  await tool.done;
}

/** {@link pour} for pg_dump's custom format: it must come to its proper end as well. */
export async function pourArchive(
  tool: RunningTool,
  stream: StreamWriter,
  onBytes: (bytes: number) => void,
): Promise<ArchiveContent> {
  const archive = new CustomFormatReader();
  try {
    await pour(tool, stream, (chunk) => {
      archive.push(chunk);
      onBytes(chunk.length);
    });
    return archive.end();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const exit = 'success, but not with a whole archive';
    throw new HozenError('TOOL_FAILED', { tool: 'pg_dump', exit }, { detail: error.message, cause: error });
  }
}

/** The writer and the reader of the format say what is wrong; a broken pipe only says that something is. */
function isOurs(error: unknown): boolean {
  return error instanceof HozenError || error instanceof FormatError;
}
