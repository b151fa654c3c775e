import type { ArtefactFile } from '../artefact/artefact-file.js';
import { CustomFormatReader, type TocEntry } from '../pipeline/custom-format.js';

/** The table of contents of a database's definitions in an artefact. @throws FormatError, HozenError of the artefact */
export async function storedDefinitions(file: ArtefactFile, folder: string): Promise<TocEntry[]> {
  const archive = new CustomFormatReader();
  for await (const chunk of file.read(file.stream(`${folder}/schema.dump`))) archive.push(chunk);
  return archive.end().entries;
}

/** What is said of the database itself, and not of anything in it: it carries the database's name. */
export function isOfDatabaseItself({ desc, tag }: TocEntry): boolean {
  return (
    desc === 'DATABASE' ||
    desc === 'DATABASE PROPERTIES' ||
    (/^(ACL|COMMENT|SECURITY LABEL)$/.test(desc) && tag.startsWith('DATABASE '))
  );
}

/** Roles that own or are given something; the restore stops where one is missing. */
export function rolesIn(entries: readonly TocEntry[]): Set<string> {
  const roles = new Set<string>();
  for (const { owner, desc, defn } of entries) {
    if (owner) roles.add(owner);
    if (!/ACL|POLICY/.test(desc)) continue;
    for (const [, quoted, plain] of (defn ?? '').matchAll(
      /\b(?:TO|FROM|ROLE) (?:"((?:[^"]|"")+)"|([a-z_][a-z0-9_$]*))/g,
    )) {
      const role = quoted?.replaceAll('""', '"') ?? plain ?? '';
      if (role !== '' && role !== 'PUBLIC') roles.add(role);
    }
  }
  return roles;
}
