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
  await using client = await target.client();
  const sessions = await client.query(
    `SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'hozen/%'`,
  );
  expect(sessions.rows).toEqual([]);
  await using platform = await stack.platform.client(stack.databases.database);
  const active = await platform.query(`SELECT id FROM backup.backup_runs WHERE state IN ('queued', 'running')`);
  expect(active.rows).toEqual([]);
  const open = await platform.query(`SELECT id FROM backup.backup_log WHERE backup_status = 'running'`);
  expect(open.rows).toEqual([]);
  const spools = (await filesBelow(stack.home.path)).filter((path) => /\/spool\/./.test(path));
  expect(spools).toEqual([]);
  expect((await filesBelow(stack.home.path)).filter((path) => path.endsWith('.partial'))).toEqual([]);
  const scratch = (await processesMatching('/spool/')).filter(({ command }) => command.includes(stack.home.path));
  expect(scratch).toEqual([]);
  const tools = (await processesMatching('pg_dump')).filter(({ command }) => !command.includes('vitest'));
  expect(tools.filter(({ command }) => command.includes(String(target.port)))).toEqual([]);
}

async function visibleFiles(storage: string): Promise<string[]> {
  return (await filesBelow(storage))
    .map((path) => path.slice(path.lastIndexOf('/') + 1))
    .filter((name) => !name.startsWith('.'));
}
