import { ArtefactFile, damaged } from '../../artefact/artefact-file.js';
import { parseBackupManifest, type ListedFile } from '../../methods/postgres-physical/backup-manifest.js';
import type { CommittedArtefact } from '../../storage/committed-artefact.js';
import type { DataDirectory } from './data-directory.js';

/** What a copy of files holds. */
export interface Contents {
  files: ListedFile[];
  /** OIDs of its tablespaces. */
  tablespaces: ReadonlySet<string>;
  /** The folder of the server's version in each of them, such as `PG_15_202209061`; absent where none has a file. */
  versionFolder: string | undefined;
}

/** @throws HozenError ARTEFACT_MISSING, ARTEFACT_CORRUPT, of the IDENTITY_ and of the STORAGE_ codes */
export async function contentsOf(artefact: CommittedArtefact): Promise<Contents> {
  await using file = await ArtefactFile.open(artefact);
  const list = await file.readFile('backup_manifest');
  try {
    const files = parseBackupManifest(list.toString('utf8'));
    const inTablespace = files.flatMap(({ path }) => /^pg_tblspc\/\d+\/(PG_[^/]+)\//.exec(path)?.[1] ?? []);
    const oids = file.index.streams.flatMap(({ name }) => /^(\d+)\.tar$/.exec(name)?.[1] ?? []);
    return { files, tablespaces: new Set(oids), versionFolder: inTablespace[0] };
  } catch (error) {
    throw damaged(file.path, 'backup_manifest', error);
  }
}

/** Links to tablespaces that the backup does not have go; what is in their folders is not ours to remove. */
export function withinBackup(directory: DataDirectory, { tablespaces }: Contents): DataDirectory {
  return { ...directory, tablespaces: new Map([...directory.tablespaces].filter(([oid]) => tablespaces.has(oid))) };
}
