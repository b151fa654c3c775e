import {
  HozenError,
  isConfigurationTarget,
  isFilesTarget,
  isS3Target,
  isServerTarget,
  type AnyTargetSpec,
  type ConfigurationTargetSpec,
  type FilesTargetSpec,
  type S3TargetSpec,
  type TargetSpec,
} from '@hozen/contracts';

/** @throws HozenError CONFIG_INVALID when the target of a config was made another kind of target */
export function serverOf(target: AnyTargetSpec): TargetSpec {
  if (isServerTarget(target)) return target;
  throw otherKind(target, 'a server');
}

/** @throws HozenError CONFIG_INVALID when the target of a config was made another kind of target */
export function folderOf(target: AnyTargetSpec): FilesTargetSpec {
  if (isFilesTarget(target)) return target;
  throw otherKind(target, 'a folder');
}

/** @throws HozenError CONFIG_INVALID when the target of a config was made another kind of target */
export function configurationOf(target: AnyTargetSpec): ConfigurationTargetSpec {
  if (isConfigurationTarget(target)) return target;
  throw otherKind(target, 'a set of configuration files');
}

/** @throws HozenError CONFIG_INVALID when the target of a config was made another kind of target */
export function objectsOf(target: AnyTargetSpec): S3TargetSpec {
  if (isS3Target(target)) return target;
  throw otherKind(target, 'a bucket');
}

function otherKind({ name, kind }: AnyTargetSpec, wanted: string): HozenError {
  return new HozenError(
    'CONFIG_INVALID',
    {},
    { detail: `the target "${name}" is of the kind ${kind}, and not ${wanted}` },
  );
}
