import type { RunView } from '@hozen/contracts';
import { eventually, processesMatching, type TestPostgres } from '@hozen/testkit';
import { expect } from 'vitest';
import { filesBelow } from './file-state.js';
import type { Stack } from './stack.js';

/**
 * What must hold after a run has ended, whatever died on the way: one terminal event, one artefact or none, one notice,
 * and nothing left over: no process, no session on the target, no lease, no hidden or spooled file.
 */
export async function expectSettled(
  stack: Stack,
  target: TestPostgres,
  request: string,
  storage: string,
): Promise<RunView> {
  const run = await stack.runEnded(request, 120_000);
  await stack.events.waitFor(run.state === 'completed' ? 'backup.completed' : 'backup.failed', request);
  await stack.mail.waitFor((mail) => mail.raw.includes(run.id) || mail.text.includes(run.id));
  await eventually(() => expectNothingLeft(stack, target), { within: 30_000 });
  await stack.quietTime();

  expect(stack.events.terminalOf(request)).toHaveLength(1);
  expect(stack.mail.messages.filter((mail) => mail.text.includes(run.id))).toHaveLength(1);
  const files = await visibleFiles(storage);
  expect(files.filter((name) => name.endsWith('.tar.gz'))).toHaveLength(run.state === 'completed' ? 1 : 0);
  expect(files.filter((name) => name.endsWith('.manifest.json'))).toHaveLength(run.state === 'completed' ? 1 : 0);
  return run;
}

async function expectNothingLeft(stack: Stack, target: TestPostgres): Promise<void> {
  expectNone('left on the target', await postgresLeftovers(target));
  await expectNothingRuns(stack);
  const tools = (await processesMatching('pg_dump')).filter(({ command }) => !command.includes('vitest'));
  expect(tools.filter(({ command }) => command.includes(String(target.port)))).toEqual([]);
}

/** Sessions of backups, and slots that should have gone with one. A log's slot stays; nobody uses it between two logs. */
export async function postgresLeftovers(target: TestPostgres): Promise<string[]> {
  await using client = await target.client();
  const { rows } = await client.query<{ name: string }>(
    `SELECT application_name AS name FROM pg_stat_activity WHERE application_name LIKE 'hozen/%'
     UNION ALL SELECT slot_name FROM pg_replication_slots WHERE active OR temporary`,
  );
  return rows.map(({ name }) => name);
}

/** No run, lease, scratch server, spooled or half-written file of any worker of the stack. */
export async function expectNothingRuns(stack: Stack): Promise<void> {
  await using platform = await stack.platform.client(stack.databases.database);
  const active = await platform.query<{ id: string }>(
    `SELECT id::text FROM backup.backup_runs WHERE state IN ('queued', 'running')
     UNION ALL SELECT id::text FROM backup.backup_log WHERE backup_status = 'running'`,
  );
  expectNone(
    'runs at work',
    active.rows.map(({ id }) => id),
  );
  const files = await filesBelow(stack.home.path);
  expectNone(
    'spooled files',
    files.filter((path) => /\/spool\/./.test(path)),
  );
  expectNone(
    'half-written files',
    files.filter((path) => path.endsWith('.partial')),
  );
  const processes = (await processesMatching('/spool/')).map(({ command }) => command);
  expectNone(
    'processes',
    processes.filter((command) => command.includes(stack.home.path)),
  );
}

/** The message has all of them. */
export function expectNone(what: string, found: readonly string[]): void {
  expect(found.join('\n'), what).toBe('');
}

async function visibleFiles(storage: string): Promise<string[]> {
  return (await filesBelow(storage))
    .map((path) => path.slice(path.lastIndexOf('/') + 1))
    .filter((name) => !name.startsWith('.'));
}
