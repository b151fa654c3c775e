import { HozenError, RepositorySpec, type ConfigurationTargetSpec, type TargetSpec } from '@hozen/contracts';
import { inSpan } from '@hozen/telemetry';
import type { AttemptContext, BackupJob } from '../../job.js';
import { findTar, type TarProgram } from '../files/check-target.js';
import { configurationOf, serverOf } from '../server-target.js';
import { safeName } from '../../storage/safe-name.js';
import type { Repository } from './commit-snapshot.js';
import { findFiles, type FoundConfiguration } from './find-files.js';

/** Configuration files that may be backed up, and where to. */
export interface ConfigurationTarget {
  spec: ConfigurationTargetSpec;
  repository: Repository;
  found: FoundConfiguration;
  /** Whose settings are read when the files are. */
  servers: TargetSpec[];
  tar: TarProgram;
}

/**
 * Looks which files there are. The repository is reached when there is something to commit.
 * @throws HozenError TARGET_FOLDER_MISSING where there is none at all, TOOL_MISSING, CONFIG_INVALID
 */
export async function checkConfigurationTarget(
  job: BackupJob,
  { progress, signal }: Pick<AttemptContext, 'progress' | 'signal'>,
): Promise<ConfigurationTarget> {
  return inSpan('check target', { attributes: { 'hozen.target': job.target.name } }, async (span) => {
    progress({ phase: 'checking', item: job.target.name });
    const spec = configurationOf(job.target);
    const repository = repositoryOf(job);
    const tar = await findTar();
    const servers = serversOf(job, spec);
    const found = await findFiles(spec, signal);
    if (servers.length === 0 && !found.paths.some(({ type }) => type === 'file' || type === 'link')) {
      throw new HozenError(
        'TARGET_FOLDER_MISSING',
        { target: spec.name, path: spec.paths.join(', ') },
        { detail: 'there is no file' },
      );
    }
    span.setAttribute('hozen.paths', found.paths.length);
    return { spec, repository, found, servers, tar };
  });
}

function serversOf({ servers = [] }: BackupJob, spec: ConfigurationTargetSpec): TargetSpec[] {
  const missing = spec.servers.filter((name) => !servers.some((each) => each.name === name));
  if (missing.length === 0) return servers.map(serverOf);
  throw new HozenError('CONFIG_INVALID', {}, { detail: `there is no target "${missing.join('", "')}"` });
}

function repositoryOf({ config, target }: BackupJob): Repository {
  const { repository } = config;
  if (!repository) throw new HozenError('CONFIG_INVALID', {}, { detail: 'the method git-config needs a repository' });
  return Object.assign(new RepositorySpec(), repository, { folder: repository.folder ?? folderName(target.name) });
}

/** Git keeps some names for itself. */
function folderName(target: string): string {
  const name = safeName(target);
  return /^(?:\.+|\.git|git~\d+)$/i.test(name) ? `target-${name.replace(/^\.+/, '')}` : name;
}
