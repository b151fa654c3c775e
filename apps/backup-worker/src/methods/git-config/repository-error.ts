import { HozenError, type RepositorySpec } from '@hozen/contracts';

const UNREACHABLE =
  /Could not resolve|Connection (?:refused|timed out|reset|closed)|Failed to connect|Network is unreachable|No route to host|Operation too slow|early EOF|unexpected disconnect|remote end hung up|HTTP (?:429|5\d\d)|returned error: (?:429|5\d\d)/i;

/** Git's own words (C locale), and what they mean for a person. */
const REFUSED: readonly [RegExp, string][] = [
  [/Host key verification failed/, 'its host key is not among the known ones'],
  [
    /Permission denied|Authentication failed|could not read (?:Username|Password)|invalid credentials|error: 40[13]/i,
    'key or password',
  ],
  [/dubious ownership/, 'it belongs to another user than the one of the worker'],
  [/certificate|SSL/i, 'its certificate'],
  [
    /does not appear to be a git repository|[Rr]epository (?:'.*' )?not found|No such file or directory|error: 404/,
    'there is no such repository',
  ],
  [/hook declined|protected branch|remote rejected|deny|denied/i, 'the push'],
  [/unable to (?:create|write|open)|insufficient permission|Read-only file system/, 'it cannot be written'],
  [/redirect/i, 'it leads to another address'],
];

/** What a failure of git says of the repository; others stay what they are. */
export function repositoryError(thrown: unknown, { url: repository }: RepositorySpec): unknown {
  if (!(thrown instanceof HozenError) || thrown.code !== 'TOOL_FAILED') return thrown;
  const detail = thrown.detail ?? '';
  const options = { detail, cause: thrown };
  if (/No space left on device|Disk quota exceeded/.test(detail)) {
    return new HozenError('DISK_FULL', { path: repository }, options);
  }
  // Ssh reports both in one breath: first who refused, then that the connection ended.
  const [, reason] = REFUSED.find(([words]) => words.test(detail)) ?? [];
  if (reason !== undefined) return new HozenError('REPOSITORY_REFUSED', { repository, reason }, options);
  return UNREACHABLE.test(detail) ? new HozenError('REPOSITORY_UNREACHABLE', { repository }, options) : thrown;
}
