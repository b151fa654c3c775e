import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { findProgram, runTool } from '@hozen/dbms';

/** Of memory that the program may take; more is sorted on disk. */
const MEMORY = '32M';

/**
 * Sorts lines by their bytes into a file, in the same memory however many there are.
 * @param lines without line feeds in them
 * @param folder for what does not fit into memory
 */
export async function sortLines(
  lines: AsyncIterable<string>,
  { file, folder, signal }: { file: string; folder: string; signal: AbortSignal },
): Promise<void> {
  const args = [`--buffer-size=${MEMORY}`, `--temporary-directory=${folder}`, `--output=${file}`];
  const path = findProgram('sort') ?? '/usr/bin/sort';
  await runTool({ path, args, stdin: Readable.from(batches(lines)), stdout: 'ignore', signal }).done;
}

/** The lines of a file, without their ends. */
export async function* readLines(file: string): AsyncGenerator<string> {
  let rest = '';
  for await (const bytes of createReadStream(file, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
    // Cut at line feeds only, whatever letters there are.
    const lines = (rest + bytes.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield Buffer.from(line, 'latin1').toString('utf8');
  }
  if (rest !== '') yield Buffer.from(rest, 'latin1').toString('utf8');
}

/** Line by line, a pipe is slow. */
async function* batches(lines: AsyncIterable<string>): AsyncGenerator<Buffer> {
  let batch = '';
  for await (const line of lines) {
    batch += `${line}\n`;
    if (batch.length < 1 << 16) continue;
    yield Buffer.from(batch);
    batch = '';
  }
  yield Buffer.from(batch);
}
