import { basename } from 'node:path';
import type { ArtefactWriter } from '../../artefact/artefact-writer.js';
import type { ManifestParent } from '../../artefact/manifest.js';
import type { BackupJob } from '../../job.js';
import type { PhysicalTarget } from './check-target.js';
import { APPLY_SCRIPT } from './apply-script.js';
import { PHYSICAL_README } from './readme.js';
import { PHYSICAL_RESTORE_SCRIPT } from './restore-script.js';

/** How to restore the artefact without this software, and the configuration that lies outside of the data directory. */
export async function addDescription(
  writer: ArtefactWriter,
  { runId }: BackupJob,
  { configFiles }: Pick<PhysicalTarget, 'configFiles'>,
  parent: ManifestParent | undefined,
): Promise<void> {
  await writer.addFile('README.txt', PHYSICAL_README);
  await writer.addFile('restore.sh', PHYSICAL_RESTORE_SCRIPT, 0o700);
  await writer.addFile('apply.pl', APPLY_SCRIPT, 0o700);
  // For restore.sh: it must not put one backup on another that it does not belong to.
  await writer.addFile('chain.txt', `run ${runId}\nparent ${parent?.runId ?? '-'}\n`);
  let paths = '';
  for (const [index, { path, content }] of configFiles.entries()) {
    const name =
      `config/${String(index + 1).padStart(2, '0')}-${basename(path).replace(/[^A-Za-z0-9._-]/g, '_')}`.slice(0, 90);
    await writer.addFile(name, content);
    paths += `${name} ${path}\n`;
  }
  if (paths !== '') await writer.addFile('config/paths.txt', paths);
}
