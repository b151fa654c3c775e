import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { HozenError } from '@hozen/contracts';
import { inSpan } from '@hozen/telemetry';
import type { CommittedArtefact } from '../../storage/committed-artefact.js';
import { DirectWriter, openDirect, WORTH_DIRECT } from './direct-writer.js';
import { PlacedWriter, type FileWriter } from './placed-writer.js';
import { restoreChain, type FilesPlace, type RestoredFiles } from './restore-chain.js';
import { inItsFolder, openNew } from './restored-file.js';

export interface FilesRestore {
  /** The full backup first, then each that builds on the one before. */
  chain: readonly CommittedArtefact[];
  /** The new data directory; missing or empty. Tablespaces go into `pg_tblspc/<oid>` itself. */
  directory: string;
  /** Whether somebody reads the files next: the system keeps them in memory then, as far as it can. */
  readNext: boolean;
  signal: AbortSignal;
  progress: (update: { bytes: number; expectedBytes: number; item: string }) => void;
}

/**
 * Puts the files of a server back, as they are in the list of the newest backup. Nothing is synced. makeStartable comes next.
 * @throws HozenError RESTORE_IMPOSSIBLE when the directory is not empty, and what restoreChain throws
 */
export async function restoreFiles(restore: FilesRestore): Promise<RestoredFiles> {
  const { chain, directory, signal, progress } = restore;
  return inSpan('restore files', { attributes: { 'file.path': directory, 'hozen.chain': chain.length } }, async () => {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    if ((await readdir(directory)).length > 0) {
      throw new HozenError('RESTORE_IMPOSSIBLE', { target: directory, what: 'the folder is not empty' });
    }
    const expectedBytes = chain.reduce((sum, each) => sum + each.originalBytes, 0);
    let bytes = 0;
    const onBytes = (more: number, item: string) => {
      bytes += more;
      progress({ bytes, expectedBytes, item });
    };
    return restoreChain({ chain, place: new NewFolder(directory, !restore.readNext), signal, onBytes });
  });
}

/** All files come. */
class NewFolder implements FilesPlace {
  readonly overOthers = false;
  readonly spool: string;

  /** @param past whether large files are written past the page cache */
  constructor(
    private readonly directory: string,
    private readonly past: boolean,
  ) {
    this.spool = spoolIn(directory);
  }

  async folderOf(archive: string): Promise<string> {
    const oid = /^(\d+)\.tar$/.exec(archive)?.[1];
    if (oid === undefined) return this.directory;
    const folder = join(this.directory, 'pg_tblspc', oid);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return folder;
  }

  wants(): boolean {
    return true;
  }

  writer({ path, bytes }: { path: string; bytes: number }): FileWriter {
    if (!this.past || bytes < WORTH_DIRECT) return new PlacedWriter(openNew(path));
    const opening = inItsFolder(path, () => openDirect(path));
    return new DirectWriter(path, opening);
  }
}

/** In a folder that servers alone write into: whatever is left there is removed by the next restore. */
export function spoolIn(directory: string): string {
  return join(directory, 'base', 'hozen-pages');
}
