import type { BackupConfiguration, BackupGapFound, RunView } from '@hozen/contracts';
import { eventually, type TestPostgres } from '@hozen/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sampleConfiguration, sampleTarget } from '../src/sample-target.js';
import { Stack } from '../src/stack.js';

let target: TestPostgres;
let stack: Stack;

beforeAll(async () => {
  target = await sampleTarget();
  stack = await Stack.start(['backup-worker', 'notifier'], { SAMPLE_PASSWORD: target.password });
  const { targets, configs } = sampleConfiguration(target, stack.home.join('storage'), {
    name: 'files',
    method: 'postgres-physical',
    proof: 'checksum',
  }) as BackupConfiguration;
  const [files] = configs;
  const wal = { ...(files as object), name: 'wal', method: 'postgres-wal', level: 'transaction_log' };
  await stack.configureBackups({ targets, configs: [files, wal] });
});
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  await target?.[Symbol.asyncDispose]();
});

async function logged(): Promise<RunView> {
  const run = await stack.runEnded(await stack.request('backup.requested', { config: 'wal' }));
  expect(run.error).toBeUndefined();
  return run;
}

it('WAL that the server let go before it was logged is an incident, and a new full backup follows by itself', async () => {
  const first = await logged();
  expect(first.warnings.join()).not.toContain('gap');
  await using client = await target.client();
  await client.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots');
  await client.query(`ALTER SYSTEM SET max_wal_size = '32MB'`);
  await client.query(`ALTER SYSTEM SET min_wal_size = '32MB'`);
  await client.query('SELECT pg_reload_conf()');
  for (let i = 0; i < 6; i++) {
    await client.query('CREATE TABLE IF NOT EXISTS many (n int); INSERT INTO many SELECT generate_series(1, 1000)');
    await client.query('SELECT pg_switch_wal()');
    await client.query('CHECKPOINT');
  }
  const second = await logged();
  expect(second.warnings.join()).toContain('gap');
  const event = await eventually(async () => {
    const [found] = stack.events.of<BackupGapFound>('backup.gap_found');
    if (!found) throw new Error('the gap is not told of');
    return Promise.resolve(found.data);
  });
  expect(event).toMatchObject({ config: 'wal', requested: ['files'] });
  const full = await eventually(
    async () => {
      const { runs } = await stack.get<{ runs: RunView[] }>('backup-worker', '/backups?config=files');
      const found = runs.find(({ state }) => state === 'completed');
      if (!found) throw new Error('the full backup is not there');
      return found;
    },
    { within: 60_000 },
  );
  expect(full).toMatchObject({ level: 'full', trigger: 'automatic' });
  const mail = await stack.mail.waitFor((message) => message.subject.includes('GAP'));
  expect(mail.text).toContain(event.gap.fromLsn);
  // Logs that are as they should be are nothing to write of.
  await stack.mail.waitFor((message) => message.text.includes(full.id));
  expect(stack.mail.messages.filter((message) => message.text.includes(first.id))).toEqual([]);
});
