import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asWhole } from '../../methods/postgres-physical/incremental-file.js';

/** Lets a server start on restored files. They are not those of the list any more then. */
export async function makeStartable(directory: string): Promise<void> {
  // The folders of the original's tablespaces are none of ours.
  await rm(join(directory, 'tablespace_map'), { force: true });
  // Of a server whose socket lay in its data directory: it would be taken for one that runs.
  for (const name of await readdir(directory)) {
    if (name.startsWith('.s.PGSQL.')) await rm(join(directory, name), { force: true });
  }
  const path = join(directory, 'backup_label');
  const text = await readFile(path, 'utf8');
  await writeFile(path, asWhole(text));
}
