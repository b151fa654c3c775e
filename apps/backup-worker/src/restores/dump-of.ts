import type { DataSource } from 'typeorm';
import type { ManifestFormat } from '../artefact/manifest.js';
import { publishedArtefact, type CommittedArtefact } from '../storage/committed-artefact.js';
import { sourceOf, type RestoreSource } from './find-source.js';
import type { RestoreRow } from './restore-row.js';
import { wrongMethod } from './wrong-method.js';

/**
 * The dump that a restore reads.
 * @param format what it has to be
 * @throws HozenError RESTORE_IMPOSSIBLE where it is something else, and what reading its manifest throws
 */
export async function dumpOf(
  row: Pick<RestoreRow, 'run_id' | 'target_name'>,
  database: DataSource,
  format: ManifestFormat,
): Promise<{ source: RestoreSource; artefact: CommittedArtefact }> {
  const source = await sourceOf(row, database);
  const artefact = await publishedArtefact(source.path, source);
  if (artefact.manifest.format !== format) throw wrongMethod(row.target_name, artefact.manifest.format);
  return { source, artefact };
}
