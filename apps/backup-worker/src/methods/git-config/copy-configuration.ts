import { join } from 'node:path';
import { mkdir } from 'node:fs/promises';
import { FilesTargetSpec } from '@hozen/contracts';
import { inSpan } from '@hozen/telemetry';
import type { ArtefactWriter } from '../../artefact/artefact-writer.js';
import type { AttemptContext, BackupJob } from '../../job.js';
import { removeTree } from '../../storage/file/remove-tree.js';
import type { DumpSummary } from '../dump-summary.js';
import type { FilesTarget } from '../files/check-target.js';
import { copyTree } from '../files/copy-tree.js';
import { walkTree } from '../files/walk-tree.js';
import { addBundle, readBack } from './bundle.js';
import type { ConfigurationTarget } from './check-target.js';
import { commitSnapshot } from './commit-snapshot.js';
import { Git } from './git.js';
import { Masker } from './mask.js';
import { CONFIGURATION_README } from './readme.js';
import { readSettings } from './server-settings.js';
import { takeSnapshot, type Snapshot } from './take-snapshot.js';
import { configurationWarnings } from './warnings.js';

/**
 * Copies configuration files: reads them, masks their secrets, commits and pushes what has changed, reads the commit back
 * from the repository, and puts both the files and the repository into the artefact. The artefact is not finished here.
 * @throws HozenError of the REPOSITORY_ codes, CONTENT_DIFFERS, TOOL_FAILED, LEASE_LOST, and what the writer throws
 */
export async function copyConfiguration(
  job: BackupJob,
  target: ConfigurationTarget,
  writer: ArtefactWriter,
  context: AttemptContext,
): Promise<DumpSummary> {
  return inSpan('copy configuration', { attributes: { 'hozen.target': job.target.name } }, async (span) => {
    const { repository, spec, found } = target;
    const { signal } = context;
    const work = join(job.spoolDir, 'configuration');
    await using git = await Git.open(repository);
    try {
      await mkdir(work, { mode: 0o700 });
      const folder = join(work, 'snapshot');
      const settings = await readSettings(job, target.servers, context);
      const snapshot = await takeSnapshot({
        found,
        settings,
        folder,
        masker: new Masker(spec.mask),
        maxFileBytes: spec.maxFileKilobytes * 1024,
        signal,
        onFile: (item) => context.progress({ phase: 'dumping', item }),
      });
      const commit = await commitSnapshot(
        { job, git, repository, snapshot, scratch: join(work, 'scratch.git') },
        context,
      );
      span.setAttribute('hozen.changed', commit.changed);
      const back = { git, repository, commit, snapshot, clone: join(work, 'clone.git'), signal };
      await readBack(back);
      const summary = await copyTree(
        job,
        await treeOf(snapshot, target, signal),
        writer,
        context,
        CONFIGURATION_README,
      );
      await addBundle(back, writer);
      const { url, branch } = repository;
      return {
        ...summary,
        originalBytes: writer.originalBytes,
        warnings: [...configurationWarnings(found, snapshot), ...summary.warnings],
        server: { ...summary.server, tools: `git ${await git.version()}, ${summary.server.tools}` },
        git: {
          repository: url,
          branch,
          folder: repository.folder,
          commit: commit.id,
          changed: commit.changed,
          masked: snapshot.masked,
          leftOut: snapshot.leftOut.length,
        },
      };
    } finally {
      await removeTree(work);
    }
  });
}

/** The snapshot, as a tree of files: what is restored is what was committed, under the paths of this machine. */
async function treeOf(
  snapshot: Snapshot,
  { spec, tar }: ConfigurationTarget,
  signal: AbortSignal,
): Promise<FilesTarget> {
  const { folder: root } = snapshot;
  const tree = await walkTree({
    root,
    exclude: [],
    crossFilesystems: true,
    ours: [],
    signal,
    onEntries: () => undefined,
  });
  const files = Object.assign(new FilesTargetSpec(), { name: spec.name, kind: 'files', path: '/' } as const);
  return { spec: files, root, tree, tar };
}
