import { HozenError, isFilesTarget, type AnyTargetSpec, type FilesTargetSpec, type TargetSpec } from '@hozen/contracts';

/** @throws HozenError CONFIG_INVALID when the target of a config was made another kind of target */
export function serverOf(target: AnyTargetSpec): TargetSpec {
  if (!isFilesTarget(target)) return target;
  throw new HozenError('CONFIG_INVALID', {}, { detail: `the target "${target.name}" is a folder, and no server` });
}

/** @throws HozenError CONFIG_INVALID when the target of a config was made another kind of target */
export function folderOf(target: AnyTargetSpec): FilesTargetSpec {
  if (isFilesTarget(target)) return target;
  throw new HozenError('CONFIG_INVALID', {}, { detail: `the target "${target.name}" is a server, and no folder` });
}
