import { HozenError } from '@hozen/contracts';
import { describe, expect, it } from 'vitest';
import { toolError } from '../tools/tool-error.js';
import { asTargetError } from './target-error.js';

const ADDRESS = { target: 'db1', host: 'db.example', port: 5432, user: 'backup' };
const FAILED = { code: 1, signal: null };
const AT = 'pg_dump: error: connection to server at "127.0.0.1", port 1 failed:';

describe("a tool's last words", () => {
  it.each([
    [
      `${AT} Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?`,
      'TARGET_UNREACHABLE',
    ],
    ['pg_dump: error: could not translate host name "x" to address: Name or service not known', 'TARGET_UNREACHABLE'],
    [`${AT} timeout expired`, 'TARGET_UNREACHABLE'],
    [`${AT} No route to host`, 'TARGET_UNREACHABLE'],
    [`${AT} FATAL:  password authentication failed for user "backup"`, 'TARGET_AUTH_FAILED'],
    [`${AT} FATAL:  no pg_hba.conf entry for host "127.0.0.1", user "backup"`, 'TARGET_AUTH_FAILED'],
    [`${AT} FATAL:  role "backup" does not exist`, 'TARGET_AUTH_FAILED'],
    [`${AT} fe_sendauth: no password supplied`, 'TARGET_AUTH_FAILED'],
    [`${AT} FATAL:  the database system is starting up`, 'TARGET_NOT_READY'],
    [`${AT} FATAL:  the database system is shutting down`, 'TARGET_NOT_READY'],
    [`${AT} FATAL:  sorry, too many clients already`, 'TARGET_NOT_READY'],
    [
      'pg_dump: error: Dumping the contents of table "t" failed: PQgetCopyData() failed.\npg_dump: detail: Error message from server: server closed the connection unexpectedly',
      'TARGET_CONNECTION_LOST',
    ],
    ['FATAL:  terminating connection due to administrator command', 'TARGET_CONNECTION_LOST'],
    ['could not receive data from server: Connection timed out', 'TARGET_CONNECTION_LOST'],
    ['pg_dump: error: query failed: ERROR:  canceling statement due to lock timeout', 'TARGET_LOCKED'],
    ['pg_dump: error: query failed: ERROR:  permission denied for table secrets', 'TARGET_RIGHTS_MISSING'],
    [
      'pg_dump: error: query failed: ERROR:  query would be affected by row-level security policy for table "t"',
      'TARGET_RIGHTS_MISSING',
    ],
    ['pg_dump: error: could not write to output file: No space left on device', 'DISK_FULL'],
    [
      'pg_dump: error: aborting because of server version mismatch\npg_dump: detail: server version: 18.4; pg_dump version: 15.18 (Debian)',
      'TOOL_TOO_OLD',
    ],
    ['pg_restore: error: could not execute query: ERROR:  role "backup" does not exist', 'TOOL_FAILED'],
    ['pg_restore: error: could not open input file "x": Permission denied', 'TOOL_FAILED'],
    ['', 'TOOL_FAILED'],
  ])('%j means %s', (stderr, code) => {
    const error = toolError('pg_dump', FAILED, stderr, ADDRESS);
    expect(error.code).toBe(code);
    // Every place in the text is filled.
    expect(`${error.message.replace(stderr, '')} ${error.hint}`).not.toMatch(/\{\w+\}/);
  });

  it('count for nothing when it was killed', () => {
    const error = toolError('pg_dump', { code: null, signal: 'SIGKILL' }, 'Connection refused', ADDRESS);
    expect(error).toMatchObject({ code: 'TOOL_FAILED', params: { exit: 'signal SIGKILL' } });
  });

  it('name the versions that do not fit and the file that is full', () => {
    const old = toolError(
      'pg_dump',
      FAILED,
      'server version mismatch: server version: 18.4; pg_dump version: 15.18',
      ADDRESS,
    );
    expect(old.params).toMatchObject({ server: '18.4', client: '15.18' });
    const full = toolError('initdb', FAILED, 'could not write "/data/x": No space left on device', undefined);
    expect(full).toMatchObject({ code: 'DISK_FULL', params: { path: '/data/x' } });
  });
});

describe("the driver's errors", () => {
  it.each([
    ['08006', 'TARGET_CONNECTION_LOST'],
    ['28P01', 'TARGET_AUTH_FAILED'],
    ['28000', 'TARGET_AUTH_FAILED'],
    ['57P01', 'TARGET_CONNECTION_LOST'],
    ['57P02', 'TARGET_CONNECTION_LOST'],
    ['57P03', 'TARGET_NOT_READY'],
    ['53300', 'TARGET_NOT_READY'],
    ['53100', 'DISK_FULL'],
    ['42501', 'TARGET_RIGHTS_MISSING'],
    ['55P03', 'TARGET_LOCKED'],
    ['ECONNREFUSED', 'TARGET_UNREACHABLE'],
    ['ENOTFOUND', 'TARGET_UNREACHABLE'],
    ['ETIMEDOUT', 'TARGET_UNREACHABLE'],
    ['EHOSTUNREACH', 'TARGET_UNREACHABLE'],
    ['ECONNRESET', 'TARGET_CONNECTION_LOST'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'TARGET_AUTH_FAILED'],
    ['42601', 'INTERNAL'],
  ])('%s means %s', (sqlState, code) => {
    const original = Object.assign(new Error('the words of the driver'), { code: sqlState });
    const error = asTargetError(original, ADDRESS);
    expect(error).toMatchObject({ code, cause: original, detail: 'the words of the driver' });
    expect(`${error.message} ${error.hint}`).not.toMatch(/\{\w+\}/);
    expect(asTargetError(new AggregateError([original]), ADDRESS).code).toBe(code);
  });

  it('are told by their words where they have no code', () => {
    expect(asTargetError(new Error('timeout expired'), ADDRESS).code).toBe('TARGET_UNREACHABLE');
    expect(asTargetError(new Error('Connection terminated unexpectedly'), ADDRESS).code).toBe('TARGET_CONNECTION_LOST');
    const ours = new HozenError('LEASE_LOST');
    expect(asTargetError(ours, ADDRESS)).toBe(ours);
  });
});
