import { ERROR_CODES, ERRORS, RetriesSpec } from '@hozen/contracts';
import { expect, it } from 'vitest';
import { retryOf } from './retry-policy.js';

const defaults = new RetriesSpec();

it('tries a database connection three times from ten minutes on, doubling', () => {
  const delays = [0, 1, 2, 3].map(
    (connection) => retryOf('TARGET_UNREACHABLE', { connection }, defaults)?.afterSeconds,
  );
  expect(delays).toEqual([600, 1200, 2400, undefined]);
});

it('tries file I/O twice every five minutes, compression once after one minute, a failed proof once at once', () => {
  expect(retryOf('STORAGE_IO', { io: 1 }, defaults)).toEqual({ afterSeconds: 300, counts: 'io' });
  expect(retryOf('STORAGE_IO', { io: 2 }, defaults)).toBeUndefined();
  expect(retryOf('COMPRESSION_FAILED', {}, defaults)).toEqual({ afterSeconds: 60, counts: 'compression' });
  expect(retryOf('CONTENT_DIFFERS', {}, defaults)).toEqual({ afterSeconds: 0, counts: 'verification' });
  expect(retryOf('CONTENT_DIFFERS', { verification: 1 }, defaults)).toBeUndefined();
});

it('counts each class by itself', () => {
  expect(retryOf('STORAGE_IO', { connection: 3 }, defaults)).toBeDefined();
});

it('tries nothing again that a person has to change first', () => {
  for (const code of ERROR_CODES.filter((each) => ['operator', 'give-up', 'not-ours'].includes(ERRORS[each]))) {
    expect(retryOf(code, {}, defaults), code).toBeUndefined();
  }
});
