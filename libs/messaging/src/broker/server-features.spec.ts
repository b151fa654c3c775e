import { expect, it } from 'vitest';
import { isAtLeast, refuseTooOld, refuseUnknownOptions } from './server-features.js';

it('compares versions by number, not by letter', () => {
  expect(isAtLeast('2.10.0', '2.9.10')).toBe(true);
  expect(isAtLeast('2.9.10', '2.9.9')).toBe(true);
  expect(isAtLeast('2.9.10', '2.10.0')).toBe(false);
  expect(isAtLeast('2.15.0-RC.1', '2.15.0')).toBe(true);
  expect(isAtLeast('unknown', '2.9.0')).toBe(false);
});

it('refuses every option that the server would take and ignore', () => {
  const options = { max_age: 1, allow_msg_ttl: true, allow_msg_schedules: true };
  expect(() => refuseUnknownOptions('2.9.10', 'stream', options)).toThrow(/allow_msg_ttl.*allow_msg_schedules/);
  expect(() => refuseUnknownOptions('2.11.3', 'stream', options)).toThrow(/allow_msg_schedules/);
  expect(() => refuseUnknownOptions('2.12.0', 'stream', options)).not.toThrow();
  expect(() => refuseUnknownOptions('2.9.10', 'publish', { ttl: '1m' })).toThrow(
    expect.objectContaining({ code: 'BROKER_UNSUITABLE' }),
  );
  expect(() => refuseUnknownOptions('2.9.10', 'publish', { ttl: undefined, msgID: 'a' })).not.toThrow();
});

it('refuses a server that is too old', () => {
  expect(() => refuseTooOld('2.8.4')).toThrow(expect.objectContaining({ code: 'BROKER_UNSUITABLE' }));
  expect(() => refuseTooOld('2.9.10')).not.toThrow();
});
