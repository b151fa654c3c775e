import type { DatabaseFacts } from '@hozen/dbms';
import type { ArtefactFile } from '../artefact/artefact-file.js';
import type { TableContent } from '../artefact/artefact-index.js';
import { ContentHash } from '../pipeline/content-hash.js';
import { startTool, takeOutput } from '../pipeline/pour.js';
import { END_OF_COPY } from '../pipeline/custom-format-writer.js';
import { tableRows } from '../restore/table-rows.js';
import { textSettings } from '../methods/postgres-logical/tables.sql.js';
import type { SecondLook } from './compare-contents.js';
import type { CopyReader } from './read-copy.js';

/** Reads tables of a backup and of its copy once more, where the first look cannot tell whether they differ. */
export function secondLook(file: ArtefactFile, reader: CopyReader, database: DatabaseFacts): SecondLook {
  return {
    async inOrder(table, columns) {
      const hash = await hashOfCopy(reader, database.name, { ...table, columns });
      const { rows } = hash;
      // pg_dump ends the data of each table so.
      addLines(hash, END_OF_COPY.subarray(0, 2));
      hash.update(view(END_OF_COPY), 2, END_OF_COPY.length);
      hash.endRow();
      return { rows, content: hash.digest() };
    },
    async sameInAnyOrder(table) {
      const stored = new ContentHash();
      for await (const rows of tableRows(file, table)) addLines(stored, rows);
      const copied = await hashOfCopy(reader, database.name, table, textSettings(database.encoding));
      return stored.rows === copied.rows && stored.digest() === copied.digest();
    },
  };
}

async function hashOfCopy(
  { scratch, env, signal, onBytes }: CopyReader,
  database: string,
  { schema, name, columns }: TableContent,
  settings?: string,
): Promise<ContentHash> {
  const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const sql = `COPY ${quote(schema)}.${quote(name)} (${columns}) TO STDOUT`;
  const tool = await startTool({
    path: scratch.tools.path('psql'),
    args: ['-X', '-q', ...(settings === undefined ? [] : ['-c', settings]), '-c', sql],
    env: env.forDatabase(database),
    sandbox: {},
    signal,
  });
  const hash = new ContentHash();
  await takeOutput(tool, (chunk) => {
    addLines(hash, chunk);
    onBytes(chunk.length, database);
    return undefined;
  });
  return hash;
}

function addLines(hash: ContentHash, chunk: Buffer): void {
  const bytes = view(chunk);
  let from = 0;
  for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
    hash.update(bytes, from, end + 1);
    hash.endRow();
    from = end + 1;
  }
  hash.update(bytes, from, chunk.length);
}

function view(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
