import { readdir, realpath, stat } from 'node:fs/promises';
import { HozenError, type FilesTargetSpec } from '@hozen/contracts';
import { findProgram, toolOutput } from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import type { AttemptContext, BackupJob } from '../../job.js';
import { folderOf } from '../server-target.js';
import { isGone, walkTree, type FoundTree } from './walk-tree.js';

/** A folder that may be backed up, and what is in it. */
export interface FilesTarget {
  spec: FilesTargetSpec;
  /** Its real path: what leads to it may be a link. */
  root: string;
  tree: FoundTree;
  tar: TarProgram;
}

export interface TarProgram {
  path: string;
  /** `1.34` */
  version: string;
}

/**
 * Looks whether the folder is there and can be read, and finds what is in it.
 * @throws HozenError TARGET_FOLDER_MISSING, TARGET_FOLDER_UNREADABLE, TOOL_MISSING
 */
export async function checkFilesTarget(
  job: BackupJob,
  { progress, signal }: Pick<AttemptContext, 'progress' | 'signal'>,
): Promise<FilesTarget> {
  return inSpan('check target', { attributes: { 'hozen.target': job.target.name } }, async (span) => {
    progress({ phase: 'checking', item: job.target.name });
    const spec = folderOf(job.target);
    const root = await readableFolder(spec);
    const tar = await findTar();
    const tree = await walkTree({
      root,
      exclude: spec.exclude,
      crossFilesystems: spec.crossFilesystems,
      ours: await ourFolders(job),
      signal,
      onEntries: (count) => progress({ phase: 'checking', item: `${spec.path}: ${count}` }),
    });
    span.setAttribute('hozen.paths', tree.entries.length);
    return { spec, root, tree, tar };
  });
}

async function readableFolder({ name: target, path }: FilesTargetSpec): Promise<string> {
  try {
    const root = await realpath(path);
    if (!(await stat(root)).isDirectory()) {
      throw new HozenError('TARGET_FOLDER_MISSING', { target, path }, { detail: 'it is there, but no folder' });
    }
    await readdir(root);
    return root;
  } catch (error) {
    if (error instanceof HozenError) throw error;
    const code = isGone(error) ? 'TARGET_FOLDER_MISSING' : 'TARGET_FOLDER_UNREADABLE';
    const detail = error instanceof Error ? error.message : String(error);
    throw new HozenError(code, { target, path }, { detail, cause: error });
  }
}

/** Where the backup itself is made: it must not grow by what is written of it. */
async function ourFolders({ config, spoolDir }: BackupJob): Promise<string[]> {
  const storages = [config.storage, config.secondaryStorage].flatMap((each) =>
    each?.kind === 'file' ? [each.path] : [],
  );
  return Promise.all([...storages, spoolDir].map((folder) => realpath(folder).catch(() => folder)));
}

/** GNU's: others do not keep everything. @throws HozenError TOOL_MISSING */
export async function findTar(): Promise<TarProgram> {
  const path = findProgram('tar');
  const answer = path === undefined ? '' : (await toolOutput({ path, args: ['--version'] }, 4096)).toString('utf8');
  const [, version] = /^tar \(GNU tar\) (\d+\.\d+)/.exec(answer) ?? [];
  if (path !== undefined && version !== undefined) return { path, version };
  throw new HozenError('TOOL_MISSING', { tool: 'tar', major: '' }, { detail: 'install the package tar (GNU tar)' });
}
