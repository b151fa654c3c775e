/**
 * What is done about an error. It is a decision, not a description:
 *
 * - `connection`, `io`, `compression`, `verification`: try again later, each by its own schedule (BATCH-101 §6.2).
 * - `give-up`: trying again would end the same way; the run fails at once.
 * - `operator`: a person has to change something first; the run fails at once and the hint says what.
 * - `not-ours`: this process lost the right to act (lease, cancellation); it stops without publishing anything.
 */
export const ERROR_CLASSES = [
  'connection',
  'io',
  'compression',
  'verification',
  'give-up',
  'operator',
  'not-ours',
] as const;
export type ErrorClass = (typeof ERROR_CLASSES)[number];

/** Every error a user can see, once. Message and hint of each code stand in `texts/`, in every language. */
export const ERRORS = {
  REQUEST_INVALID: 'operator',
  CONFIG_UNKNOWN: 'operator',
  CONFIG_INVALID: 'operator',
  LEVEL_UNSUPPORTED: 'operator',
  OUTSIDE_WINDOW: 'operator',
  TARGET_UNREACHABLE: 'connection',
  TARGET_CONNECTION_LOST: 'connection',
  TARGET_NOT_READY: 'connection',
  TARGET_LOCKED: 'connection',
  TARGET_REFUSED: 'connection',
  TARGET_AUTH_FAILED: 'operator',
  TARGET_RIGHTS_MISSING: 'operator',
  TARGET_REPLICATION_MISSING: 'operator',
  TARGET_UNSUITABLE: 'operator',
  TARGET_FOLDER_MISSING: 'operator',
  TARGET_FOLDER_UNREADABLE: 'operator',
  TOOL_MISSING: 'operator',
  TOOL_TOO_OLD: 'operator',
  TOOL_UNPATCHED: 'operator',
  TOOL_FAILED: 'give-up',
  DISK_FULL: 'operator',
  DISK_TOO_SMALL: 'operator',
  STORAGE_UNWRITABLE: 'operator',
  STORAGE_IO: 'io',
  STORAGE_CONFLICT: 'give-up',
  STORAGE_REFUSED: 'operator',
  STORAGE_CLOCK_SKEW: 'operator',
  STORAGE_TOO_LARGE: 'operator',
  COMPRESSION_FAILED: 'compression',
  ARTEFACT_MISSING: 'verification',
  ARTEFACT_CORRUPT: 'verification',
  CONTENT_DIFFERS: 'verification',
  ASSERTION_FAILED: 'verification',
  IDENTITY_MISSING: 'operator',
  IDENTITY_WRONG: 'operator',
  SIGNATURE_MISSING: 'operator',
  SIGNATURE_WRONG: 'operator',
  SIGNING_KEY_WRONG: 'operator',
  SANDBOX_FAILED: 'io',
  SECRET_UNAVAILABLE: 'operator',
  APPROVAL_MISSING: 'operator',
  PLAN_CHANGED: 'operator',
  SAFETY_BACKUP_FAILED: 'give-up',
  TOKEN_MISSING: 'operator',
  ROLE_MISSING: 'operator',
  TIMED_OUT: 'give-up',
  ABANDONED: 'give-up',
  CANCELLED: 'not-ours',
  LEASE_LOST: 'not-ours',
  RESTORE_IMPOSSIBLE: 'operator',
  RECOVERY_FAILED: 'operator',
  MAINTENANCE_BACKUP_FAILED: 'operator',
  MAINTENANCE_TYPE_UNSUPPORTED: 'operator',
  MAINTENANCE_IMPOSSIBLE: 'operator',
  MAINTENANCE_STEP_FAILED: 'operator',
  DIAGNOSIS_FAILED: 'operator',
  BROKER_UNSUITABLE: 'operator',
  SCHEMA_NEWER: 'operator',
  SETTINGS_INVALID: 'operator',
  PORT_TAKEN: 'operator',
  SERVER_START_FAILED: 'operator',
  SERVICE_UNREACHABLE: 'connection',
  ALREADY_RUNNING: 'operator',
  FILE_UNREADABLE: 'operator',
  NOT_FOUND: 'operator',
  INTERNAL: 'give-up',
} as const satisfies Record<string, ErrorClass>;

export type ErrorCode = keyof typeof ERRORS;
export const ERROR_CODES = Object.keys(ERRORS) as ErrorCode[];
