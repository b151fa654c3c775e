import type { ArtefactFile } from '../artefact/artefact-file.js';
import { isSqlStream } from '../artefact/artefact-index.js';
import { corrupt } from '../artefact/artefact-file.js';
import type { TableContent } from '../artefact/artefact-index.js';
import { END_OF_COPY } from '../pipeline/custom-format-writer.js';
import { CustomFormatReader, FormatError } from '../pipeline/custom-format.js';

/**
 * The rows of a table that has a stream of its own, as COPY wrote them, in chunks that end anywhere: in memory that is used again
 * when the next one is asked for.
 * @throws HozenError ARTEFACT_CORRUPT, STORAGE_IO
 */
export async function* tableRows(file: ArtefactFile, table: TableContent): AsyncGenerator<Buffer> {
  const name = table.stream ?? '';
  if (isSqlStream(name)) {
    yield* rowsOfStatement(file, table);
    return;
  }
  let pieces: Buffer[] = [];
  const archive = new CustomFormatReader({ onRows: (rows) => pieces.push(rows) });
  let left = table.bytes;
  try {
    for await (const part of file.readInTurn(file.stream(name))) {
      archive.push(part);
      for (const piece of pieces) {
        // Behind the rows stands the mark that ends them; COPY FROM STDIN has none.
        const rows = piece.subarray(0, left);
        left -= rows.length;
        if (rows.length > 0) yield rows;
      }
      pieces = [];
    }
    archive.end();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw corrupt(file.path, `${name}: ${error.message}`, error);
  }
  if (left > 0) throw corrupt(file.path, `${name}: ${left} bytes of rows are missing`);
}

/** Between the COPY statement and the mark that ends it. */
async function* rowsOfStatement(file: ArtefactFile, table: TableContent): AsyncGenerator<Buffer> {
  const stream = file.stream(table.stream ?? '');
  let head = stream.bytes - table.bytes - END_OF_COPY.length;
  if (head < 0) throw corrupt(file.path, `${stream.name}: ${-head} bytes of rows are missing`);
  let left = table.bytes;
  for await (const part of file.readInTurn(stream)) {
    const rows = part.subarray(head, head + left);
    head = Math.max(0, head - part.length);
    left -= rows.length;
    if (rows.length > 0) yield rows;
  }
}
