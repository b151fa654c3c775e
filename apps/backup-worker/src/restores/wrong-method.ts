import { HozenError } from '@hozen/contracts';

/** Files cannot be put into a running server. */
export function wrongMethod(target: string): HozenError {
  const what = 'the backup is a copy of files: name a new directory instead of a target and databases';
  return new HozenError('RESTORE_IMPOSSIBLE', { target, what });
}
