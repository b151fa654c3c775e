import { HozenError } from '@hozen/contracts';

/** What a worker may lack although the backup is good. */
const NOT_THE_BACKUP =
  /^bwrap: |could not open extension control file|extension ".*" is not available|has no installation script|invalid locale name|locale .* (not|is not) |could not access file|could not load library|No space left on device|out of memory|out of shared memory|could not fork/im;

/** The program whose failure is that of the restore; the others only read the copy. */
const RESTORES = 'pg_restore';

/** SQLSTATEs: damaged data, damaged index. */
const DAMAGE = new Set(['XX001', 'XX002']);

/** The same for a scratch server that was started on restored files. */
export function asStartError(thrown: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  const server = thrown instanceof HozenError ? thrown.cause : thrown;
  const sqlState = server instanceof Error && 'code' in server ? String(server.code) : '';
  const detail = thrown instanceof HozenError ? (thrown.detail ?? thrown.message) : String(thrown);
  if (DAMAGE.has(sqlState)) return new HozenError('CONTENT_DIFFERS', { what: detail }, { cause: thrown });
  const isStart = thrown instanceof HozenError && thrown.code === 'SERVER_START_FAILED';
  if (isStart && !NOT_THE_BACKUP.test(detail)) {
    const what = 'a server does not start on it';
    return new HozenError('CONTENT_DIFFERS', { what }, { detail, cause: thrown });
  }
  if (isStart || sqlState !== '') return new HozenError('SANDBOX_FAILED', {}, { detail, cause: thrown });
  return asProofError(thrown, signal);
}

/**
 * Whose fault it is that a proof came to no end: the backup's (it cannot be restored), or the scratch server's, which
 * says nothing about the backup.
 */
export function asProofError(thrown: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (!(thrown instanceof HozenError)) return thrown;
  const { code, detail = '', params } = thrown;
  const tool = String(params['tool'] ?? '');
  if (code === 'TOOL_FAILED' && tool === RESTORES && !NOT_THE_BACKUP.test(detail)) {
    const what = `it cannot be restored (${tool})`;
    return new HozenError('CONTENT_DIFFERS', { what }, { detail, cause: thrown });
  }
  if (code === 'TOOL_FAILED' || code === 'DISK_FULL' || code.startsWith('TARGET_')) {
    return new HozenError('SANDBOX_FAILED', {}, { detail: detail || thrown.message, cause: thrown });
  }
  return thrown;
}
