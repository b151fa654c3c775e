import { HozenError } from '@hozen/contracts';

/** An error of the file system as what a user can do about it; errors of ours stay as they are. */
export function asStorageError(thrown: unknown, path: string): HozenError {
  if (thrown instanceof HozenError) return thrown;
  const { code = '', message } = thrown as NodeJS.ErrnoException;
  const options = { cause: thrown, detail: message ?? String(thrown) };
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new HozenError('DISK_FULL', { path }, options);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOTDIR':
      return new HozenError('STORAGE_UNWRITABLE', { path }, options);
    default:
      return new HozenError('STORAGE_IO', { path }, options);
  }
}

/** Runs file operations on `path`; what they throw becomes a {@link HozenError}. */
export async function onStorage<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asStorageError(error, path);
  }
}

/** True for "there is no such file". */
export function isMissing(thrown: unknown): boolean {
  return (thrown as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
}
