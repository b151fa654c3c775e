import { readdir, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { ListedFile } from '../../methods/postgres-physical/backup-manifest.js';
import { wholePath } from '../../methods/postgres-physical/incremental-file.js';

/** Removes files that an earlier backup of the chain brought and the server did not have any more. */
export async function removeUnlisted(directory: string, files: readonly ListedFile[]): Promise<void> {
  const listed = new Set(files.map(({ path }) => wholePath(path)));
  for (const path of await filesIn(directory, directory)) {
    const name = relative(directory, path);
    if (listed.has(name) || name.startsWith('pg_wal/') || name === 'backup_manifest') continue;
    await rm(path, { force: true });
  }
}

/** Through the links of tablespaces, too. */
async function filesIn(folder: string, top: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    const isTablespace = entry.isSymbolicLink() && folder === join(top, 'pg_tblspc');
    if (entry.isDirectory() || isTablespace) found.push(...(await filesIn(path, top)));
    else found.push(path);
  }
  return found;
}
