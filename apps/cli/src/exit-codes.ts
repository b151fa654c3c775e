import type { CliText, ErrorCode } from '@hozen/contracts';

/** How a command can end. */
export const ENDINGS = [
  'ok',
  'failed',
  'invalid',
  'unreachable',
  'rejected',
  'cancelled',
  'interrupted',
  'terminated',
] as const;
export type Ending = (typeof ENDINGS)[number];

/** The exit code of each ending; scripts rely on them, so they never change their meaning. */
export const EXIT_CODES: Readonly<Record<Ending, number>> = {
  ok: 0,
  failed: 1,
  invalid: 2,
  unreachable: 3,
  rejected: 4,
  cancelled: 5,
  interrupted: 130,
  terminated: 143,
};

export function meaningOf(ending: Ending): CliText {
  return `exit.${ending}`;
}

/** How a command ends that could not do its work. The one place that decides it; the compiler asks for every code. */
const ENDING_OF: Readonly<Record<ErrorCode, Ending>> = {
  REQUEST_INVALID: 'invalid',
  CONFIG_UNKNOWN: 'invalid',
  CONFIG_INVALID: 'invalid',
  LEVEL_UNSUPPORTED: 'invalid',
  SETTINGS_INVALID: 'invalid',
  FILE_UNREADABLE: 'invalid',
  NOT_FOUND: 'invalid',
  MAINTENANCE_TYPE_UNSUPPORTED: 'invalid',
  SERVICE_UNREACHABLE: 'unreachable',
  OUTSIDE_WINDOW: 'rejected',
  CANCELLED: 'cancelled',
  TARGET_UNREACHABLE: 'failed',
  TARGET_CONNECTION_LOST: 'failed',
  TARGET_NOT_READY: 'failed',
  TARGET_REFUSED: 'failed',
  TARGET_LOCKED: 'failed',
  TARGET_AUTH_FAILED: 'failed',
  TARGET_RIGHTS_MISSING: 'failed',
  TARGET_REPLICATION_MISSING: 'failed',
  TARGET_UNSUITABLE: 'failed',
  PARTS_UNMATCHED: 'failed',
  TARGET_FOLDER_MISSING: 'failed',
  TARGET_FOLDER_UNREADABLE: 'failed',
  REPOSITORY_UNREACHABLE: 'failed',
  REPOSITORY_BUSY: 'failed',
  REPOSITORY_REFUSED: 'failed',
  TOOL_MISSING: 'failed',
  TOOL_TOO_OLD: 'failed',
  TOOL_UNPATCHED: 'failed',
  TOOL_FAILED: 'failed',
  DISK_FULL: 'failed',
  DISK_TOO_SMALL: 'failed',
  STORAGE_UNWRITABLE: 'failed',
  STORAGE_IO: 'failed',
  STORAGE_CONFLICT: 'failed',
  STORAGE_REFUSED: 'failed',
  STORAGE_CLOCK_SKEW: 'failed',
  STORAGE_TOO_LARGE: 'failed',
  WAL_INVALID: 'failed',
  WAL_CONFLICT: 'failed',
  WAL_FOREIGN: 'failed',
  WAL_GAP: 'failed',
  COMPRESSION_FAILED: 'failed',
  ARTEFACT_MISSING: 'failed',
  ARTEFACT_CORRUPT: 'failed',
  IDENTITY_MISSING: 'failed',
  NOT_ENCRYPTED: 'failed',
  IDENTITY_WRONG: 'failed',
  SIGNATURE_MISSING: 'failed',
  SIGNATURE_WRONG: 'failed',
  SIGNING_KEY_WRONG: 'failed',
  CONTENT_DIFFERS: 'failed',
  ASSERTION_FAILED: 'failed',
  SANDBOX_FAILED: 'failed',
  SECRET_UNAVAILABLE: 'failed',
  APPROVAL_MISSING: 'rejected',
  PLAN_CHANGED: 'rejected',
  SAFETY_BACKUP_FAILED: 'failed',
  TOKEN_MISSING: 'rejected',
  ROLE_MISSING: 'rejected',
  TIMED_OUT: 'failed',
  ABANDONED: 'failed',
  LEASE_LOST: 'failed',
  RESTORE_IMPOSSIBLE: 'failed',
  RECOVERY_FAILED: 'failed',
  RESTORE_UNFINISHED: 'failed',
  MAINTENANCE_BACKUP_FAILED: 'failed',
  DIAGNOSIS_FAILED: 'failed',
  MAINTENANCE_IMPOSSIBLE: 'failed',
  MAINTENANCE_STEP_FAILED: 'failed',
  BROKER_UNSUITABLE: 'failed',
  SCHEMA_NEWER: 'failed',
  PORT_TAKEN: 'failed',
  SERVER_START_FAILED: 'failed',
  ALREADY_RUNNING: 'failed',
  INTERNAL: 'failed',
};

export function endingOf(code: ErrorCode): Ending {
  return ENDING_OF[code];
}
