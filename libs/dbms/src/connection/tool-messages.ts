import type { ErrorCode } from '@hozen/contracts';

/**
 * What the databases' programs say (in the C locale), and what it means. The first pattern that matches decides, so the
 * narrower ones stand first: "could not receive data from server: Connection timed out" is a lost connection, although
 * it holds the words of an unreachable server.
 *
 * Login failures count only as FATAL: pg_restore reports an unknown owner with the same words as an ordinary ERROR, and
 * that has nothing to do with the login.
 */
const MESSAGES: readonly (readonly [RegExp, ErrorCode])[] = [
  [/server version mismatch|incompatible server version/, 'TOOL_TOO_OLD'],
  [/No space left on device/, 'DISK_FULL'],
  [
    /FATAL: +(the database system is |(sorry, )?too many (clients|connections)|remaining connection slots are reserved)/,
    'TARGET_NOT_READY',
  ],
  [
    /FATAL: +(.* authentication failed for user|no pg_hba\.conf entry|role ".*" does not exist|role ".*" is not permitted to log in|pg_hba\.conf rejects)|no password supplied|server requested .* authentication|server does not support SSL|root certificate file .* does not exist|certificate verify failed|server certificate for .* does not match/s,
    'TARGET_AUTH_FAILED',
  ],
  [
    /server closed the connection unexpectedly|terminating connection|connection to server was lost|could not (receive data from|send data to) (the )?server|SSL SYSCALL error|SSL connection has been closed unexpectedly|connection not open|no connection to the server/,
    'TARGET_CONNECTION_LOST',
  ],
  [
    /Connection refused|No route to host|Network is unreachable|Connection timed out|timeout expired|could not translate host name|Is the server running locally/,
    'TARGET_UNREACHABLE',
  ],
  // pg_dump implements --lock-wait-timeout by a statement timeout around LOCK TABLE.
  [
    /canceling statement due to lock timeout|could not obtain lock on|due to statement timeout.*LOCK TABLE/s,
    'TARGET_LOCKED',
  ],
  // What mariadb-dump and mariadb say, with the server's number of the error.
  [/[Ee]rror:? (1045|1698)\b|Access denied for user .* \(using password/, 'TARGET_AUTH_FAILED'],
  [/[Ee]rror:? (1044|1142|1143|1227|1370)\b/, 'TARGET_RIGHTS_MISSING'],
  [/[Ee]rror:? (1205|1213|1412)\b|Table definition has changed/, 'TARGET_LOCKED'],
  [/[Ee]rror:? (2006|2013|2055|1927)\b|Lost connection to/, 'TARGET_CONNECTION_LOST'],
  [/[Ee]rror:? (2002|2003|2005)\b|Can't connect to/, 'TARGET_UNREACHABLE'],
  [/[Ee]rror:? (1040|1053|1203)\b/, 'TARGET_NOT_READY'],
  // Lower case: the server's words. "Permission denied" is the operating system's and concerns a file here.
  [
    /permission denied|must be superuser|must be owner of|query would be affected by row-level security/,
    'TARGET_RIGHTS_MISSING',
  ],
];

/** What the messages of a program mean, or undefined when they say nothing that we know. */
export function codeOfToolMessage(stderr: string): ErrorCode | undefined {
  return MESSAGES.find(([pattern]) => pattern.test(stderr))?.[1];
}
