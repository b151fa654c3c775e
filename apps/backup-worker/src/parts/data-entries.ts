import { damaged, type ArtefactFile } from '../artefact/artefact-file.js';
import type { DatabaseContent, StreamFacts } from '../artefact/artefact-index.js';
import { ByteReader } from '../pipeline/byte-reader.js';
import { parseToc, type Toc, type TocEntry } from '../pipeline/toc.js';

/**
 * The entries of a stream of data that belong to the content of a part. Reads no more of it than its table of contents.
 * @throws HozenError ARTEFACT_CORRUPT, STORAGE_IO
 */
export async function dataEntries(
  file: ArtefactFile,
  stream: StreamFacts,
  { tables, sequences }: Pick<DatabaseContent, 'tables' | 'sequences'>,
): Promise<TocEntry[]> {
  const keyOf = (schema: string, name: string) => JSON.stringify([schema, name]);
  const wanted = {
    'TABLE DATA': new Set(tables.map(({ schema, name }) => keyOf(schema, name))),
    'SEQUENCE SET': new Set(sequences.map(({ schema, name }) => keyOf(schema, name))),
  };
  const { entries } = await tocOf(file, stream);
  return entries.filter(({ desc, namespace, tag }) =>
    desc === 'TABLE DATA' || desc === 'SEQUENCE SET' ? wanted[desc].has(keyOf(namespace ?? '', tag)) : false,
  );
}

/** Reads no more of a stream than its table of contents. @throws HozenError ARTEFACT_CORRUPT, STORAGE_IO */
export async function tocOf(file: ArtefactFile, stream: StreamFacts): Promise<Toc> {
  const reader = new ByteReader<Toc>(parseToc());
  try {
    for await (const chunk of file.read(stream)) {
      reader.push(chunk);
      if (reader.result) return reader.result;
    }
  } catch (error) {
    throw damaged(
      file.path,
      stream.name,
      error instanceof Error ? new RangeError(error.message, { cause: error }) : error,
    );
  }
  throw damaged(file.path, stream.name, new RangeError('cut off within the table of contents'));
}
