import type { ArtefactFile } from '../artefact/artefact-file.js';
import { CustomFormatReader, type TocEntry } from '../pipeline/custom-format.js';

/**
 * The table of contents of a database's definitions in an artefact, entry by entry: a database may have a hundred thousand.
 * @throws FormatError, HozenError of the artefact
 */
export async function* eachDefinition(file: ArtefactFile, folder: string): AsyncGenerator<TocEntry> {
  let entries: TocEntry[] = [];
  const archive = new CustomFormatReader({ onEntry: (entry) => entries.push(entry) });
  for await (const chunk of file.readShared(file.stream(`${folder}/schema.dump`))) {
    archive.push(chunk.bytes);
    yield* entries;
    entries = [];
  }
  archive.end();
}

/** Those of {@link eachDefinition} that are asked for, by default all; each takes about a kilobyte of memory. */
export async function storedDefinitions(
  file: ArtefactFile,
  folder: string,
  wanted: (entry: TocEntry) => boolean = () => true,
): Promise<TocEntry[]> {
  const found: TocEntry[] = [];
  for await (const entry of eachDefinition(file, folder)) if (wanted(entry)) found.push(entry);
  return found;
}

/** What is said of the database itself, and not of anything in it: it carries the database's name. */
export function isOfDatabaseItself({ desc, tag }: TocEntry): boolean {
  return (
    desc === 'DATABASE' ||
    desc === 'DATABASE PROPERTIES' ||
    (/^(ACL|COMMENT|SECURITY LABEL)$/.test(desc) && tag.startsWith('DATABASE '))
  );
}
