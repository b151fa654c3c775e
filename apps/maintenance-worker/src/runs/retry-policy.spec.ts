import { HozenError, MaintenanceRetriesSpec } from '@hozen/contracts';
import { asTargetError } from '@hozen/dbms';
import { expect, it } from 'vitest';
import { StepError } from '../optimize/step-error.js';
import { retryOf } from './retry-policy.js';

const retries = new MaintenanceRetriesSpec();
const address = { target: 'main', host: 'h', port: 1, user: 'u' };
const outOfMemory = asTargetError(Object.assign(new Error('out of memory'), { code: '53200' }), address);
const tooManyClients = asTargetError(Object.assign(new Error('too many clients'), { code: '53300' }), address);

it.each([
  ['a server that is away', new HozenError('TARGET_UNREACHABLE'), 'transient', 60],
  ['a lock that is not granted', new HozenError('TARGET_LOCKED'), 'transient', 60],
  ['a full disk', new HozenError('DISK_FULL'), 'resources', 300],
  ['no memory left', outOfMemory, 'resources', 300],
  ['no connection left', tooManyClients, 'resources', 300],
  ['damage', new StepError('invalid page', true), 'integrity', 600],
])('tries again after %s, as often and as late as is prescribed', (_what, error, counts, afterSeconds) => {
  expect(retryOf(error, {}, retries)).toEqual({ counts, afterSeconds });
  expect(retryOf(error, { [counts]: 2 }, retries)).toBeUndefined();
});

it.each([
  ['a statement that the object does not allow', new StepError('duplicate key', false)],
  ['wrong credentials', new HozenError('TARGET_AUTH_FAILED')],
  ['a cancellation', new HozenError('CANCELLED')],
  ['a fault of ours', new TypeError('undefined')],
])('does not try again after %s', (_what, error) => {
  expect(retryOf(error, {}, retries)).toBeUndefined();
});
