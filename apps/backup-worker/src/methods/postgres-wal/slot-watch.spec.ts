import { TestPostgres } from '@hozen/testkit';
import { describe, expect, it } from 'vitest';
import { ensureSlot } from './log-slot.js';
import { slotWarnings, watchSlot, type SlotFacts } from './slot-watch.js';

const MIB = 1024 * 1024;
const SLOT = 'hozen_wal_test';

const FACTS: SlotFacts = {
  status: 'reserved',
  isActive: true,
  keptBytes: 100 * MIB,
  safeBytes: 900 * MIB,
  limitBytes: 1000 * MIB,
  maxWalBytes: 1024 * MIB,
  archiveMode: 'off',
  failingSince: null,
  lastFailed: null,
  failedCount: 0,
  lastArchived: null,
  dataDirectory: null,
  port: 5432,
  startedAt: 0,
};

describe('the slot of a log', () => {
  it.each<[string, Partial<SlotFacts>, number | undefined, string | undefined]>([
    ['is quiet', {}, undefined, undefined],
    ['keeps much', { status: 'extended', keptBytes: 500 * MIB, safeBytes: 500 * MIB }, undefined, 'extended'],
    ['is near its limit', { keptBytes: 800 * MIB, safeBytes: 200 * MIB }, undefined, 'gives it up'],
    ['is about to go', { status: 'unreserved' }, undefined, 'next checkpoint'],
    ['is gone', { status: 'lost', keptBytes: null }, undefined, 'has given up'],
    ['has no limit and keeps little', { limitBytes: null, safeBytes: null }, 1000 * MIB, undefined],
    ['has no limit and the disk is small', { limitBytes: null, safeBytes: null }, 300 * MIB, 'without a limit'],
    ['has no limit, elsewhere', { limitBytes: null, keptBytes: 5000 * MIB }, undefined, 'without a limit'],
    ['is not there', { status: null, keptBytes: null }, undefined, undefined],
  ])('that %s', (_what, change, free, told) => {
    const warnings = slotWarnings({ ...FACTS, ...change }, free);
    if (told === undefined) expect(warnings).toEqual([]);
    else expect(warnings).toEqual([expect.stringContaining(told)]);
  });
});

it('a server is asked for its slot, and warns before it gives that up, and when it did', async () => {
  await using server = await TestPostgres.start({
    initdbArgs: ['--wal-segsize=1'],
    settings: { max_slot_wal_keep_size: '8MB', max_wal_size: '64MB', min_wal_size: '2MB' },
  });
  await using client = await server.client();
  const watched = () => watchSlot(client, SLOT, '0');
  const write = async (megabytes: number) => {
    for (let n = 0; n < megabytes; n++) {
      await client.query(`SELECT pg_logical_emit_message(false, 'hozen', 'x'), pg_switch_wal()`);
    }
  };
  expect(await watched()).toEqual([]);
  await ensureSlot(client, SLOT);
  expect(await watched()).toEqual([]);
  await write(8);
  expect(await watched()).toEqual([expect.stringContaining('gives it up')]);
  await write(6);
  await client.query('CHECKPOINT');
  expect(await watched()).toEqual([expect.stringContaining('lost')]);
  await ensureSlot(client, SLOT);
  expect(await watched()).toEqual([]);
});

it('a server that fails to archive is told of, with its file', async () => {
  await using server = await TestPostgres.start({ settings: { archive_mode: 'on', archive_command: 'false' } });
  await using client = await server.client();
  expect(await watchSlot(client, SLOT, '0')).toEqual([]);
  const { rows } = await client.query<{ file: string }>(
    `SELECT pg_walfile_name(pg_switch_wal()) AS file FROM pg_logical_emit_message(false, 'hozen', 'x')`,
  );
  await expect
    .poll(() => watchSlot(client, SLOT, '0'), { timeout: 20_000 })
    .toEqual([expect.stringContaining(`fails to archive ${rows[0]?.file}`)]);
});
