import { connect } from 'node:net';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { HozenError } from '@hozen/contracts';
import { describe, expect, it } from 'vitest';
import { databaseCode, isDatabaseAway, isLossOfOwnDatabase } from './database-away.js';

const withCode = (code: string) => Object.assign(new Error('refused'), { code });

describe('the database is away', () => {
  it.each(['57P01', '57P02', '57P03', '53300', '08006', '08003', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE'])(
    'by the code %s',
    (code) => {
      expect(isDatabaseAway(withCode(code))).toBe(true);
    },
  );

  it('by the words of a driver that has no code for it', () => {
    expect(isDatabaseAway(new Error('Connection terminated unexpectedly'))).toBe(true);
    expect(isDatabaseAway(new Error('Client has encountered a connection error and is not queryable'))).toBe(true);
  });

  it('when each address of its host name refused', () => {
    const refused = new AggregateError([withCode('ECONNREFUSED'), withCode('ECONNREFUSED')]);
    expect(databaseCode(refused)).toBe('ECONNREFUSED');
    expect(isDatabaseAway(refused)).toBe(true);
  });

  it('when its socket is missing, but not when a file is', async () => {
    const socket = connect('/nowhere/.s.PGSQL.5432');
    const [missingSocket] = (await once(socket, 'error')) as unknown[];
    expect(isDatabaseAway(missingSocket)).toBe(true);
    const missingFile: unknown = await readFile('/nowhere/at-all').catch((error: unknown) => error);
    expect(isDatabaseAway(missingFile)).toBe(false);
  });
});

it('a refusal is not a loss: a duplicate key, a missing right, a wrong statement', () => {
  for (const code of ['23505', '42501', '42601', '53100', '57014']) expect(isDatabaseAway(withCode(code))).toBe(false);
});

it('an error that has become ours is about a target', () => {
  const cause = withCode('57P01');
  expect(isLossOfOwnDatabase(cause)).toBe(true);
  expect(isLossOfOwnDatabase(new HozenError('TARGET_CONNECTION_LOST', {}, { cause }))).toBe(false);
  expect(isLossOfOwnDatabase('57P01')).toBe(false);
});
