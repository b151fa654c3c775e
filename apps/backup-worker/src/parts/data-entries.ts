import { damaged, type ArtefactFile } from '../artefact/artefact-file.js';
import type { DatabaseContent, StreamFacts } from '../artefact/artefact-index.js';
import { ByteReader } from '../pipeline/byte-reader.js';
import { parseToc, type TakeEntry, type TocEntry, type TocHead } from '../pipeline/toc.js';

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
  const found: TocEntry[] = [];
  await readToc(file, stream, (entry) => {
    const { desc, namespace, tag } = entry;
    if (desc !== 'TABLE DATA' && desc !== 'SEQUENCE SET') return;
    if (wanted[desc].has(keyOf(namespace ?? '', tag))) found.push(entry);
  });
  return found;
}

/** Reads no more of a stream than its table of contents. @throws HozenError ARTEFACT_CORRUPT, STORAGE_IO */
export async function readToc(file: ArtefactFile, stream: StreamFacts, take: TakeEntry): Promise<void> {
  const reader = new ByteReader<TocHead>(parseToc(take));
  try {
    for await (const { bytes } of file.readShared(stream)) {
      reader.push(bytes);
      if (reader.result) return;
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
