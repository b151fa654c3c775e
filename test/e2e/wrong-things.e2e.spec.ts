import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { ErrorCode, RunView } from '@hozen/contracts';
import { eventually, type TestPostgres } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { filesBelow, flipBit, processState, truncateFile } from '../src/file-state.js';
import { sampleConfiguration, sampleTarget, waitingForALock } from '../src/sample-target.js';
import { Stack } from '../src/stack.js';

const run = promisify(execFile);
const NO_RETRIES = Object.fromEntries(
  ['connection', 'io', 'compression', 'verification'].map((kind) => [kind, { times: 0, seconds: 0 }]),
);

let target: TestPostgres;
let stack: Stack;
let storage: string;
let undo: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  target = await sampleTarget();
  stack = await Stack.start(['backup-worker', 'notifier'], {
    SAMPLE_PASSWORD: target.password,
    WRONG_PASSWORD: 'wrong',
  });
});
afterEach(async () => {
  for (const step of undo.toReversed()) await step();
  undo = [];
});
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  await target?.[Symbol.asyncDispose]();
});

/** Configures one config of its own for the case and asks for it. */
async function backUp(name: string, config: object = {}, changed: object = {}): Promise<string> {
  storage = stack.home.join(`storage ${name}`);
  const wanted = sampleConfiguration(target, storage, { name, retries: NO_RETRIES, ...config }) as {
    targets: object[];
    configs: { target: string }[];
  };
  // A target of its own: one case must not wait for another.
  wanted.targets = wanted.targets.map((each) => ({ ...each, ...changed, name: `target of ${name}` }));
  wanted.configs = wanted.configs.map((each) => ({ ...each, target: `target of ${name}` }));
  await stack.configureBackups(wanted);
  return stack.request('backup.requested', { config: name });
}

async function expectFailed(request: string, code: ErrorCode): Promise<RunView> {
  const ended = await stack.runEnded(request);
  expect(ended).toMatchObject({ state: 'failed', error: { code } });
  expect(ended.error?.hint).not.toBe('');
  const event = await stack.events.waitFor<{ error: { code: string } }>('backup.failed', request);
  expect(event.data.error.code).toBe(code);
  expect(stack.events.terminalOf(request)).toHaveLength(1);
  expect(await filesBelow(storage)).toEqual([]);
  const mail = await stack.mail.waitFor((message) => message.text.includes(ended.id));
  expect(mail.text).toContain(code);
  return ended;
}

describe('ends as failed with the right code, and leaves nothing visible:', () => {
  it('a target that is down', async () => {
    await expectFailed(await backUp('down', {}, { port: 1 }), 'TARGET_UNREACHABLE');
  });

  it('a wrong password, which appears nowhere', async () => {
    const ended = await expectFailed(
      await backUp('password', {}, { password: 'env:WRONG_PASSWORD' }),
      'TARGET_AUTH_FAILED',
    );
    expect(JSON.stringify(ended)).not.toContain('"wrong"');
  });

  it('a secret that is not there', async () => {
    await expectFailed(await backUp('secret', {}, { password: 'env:NO_SUCH_SECRET' }), 'SECRET_UNAVAILABLE');
  });

  it('a storage folder that is a file', async () => {
    await expectFailed(
      await backUp('file', { storage: { kind: 'file', path: '/proc/version/backups' } }),
      'STORAGE_UNWRITABLE',
    );
  });

  it('a read-only storage folder', async (context) => {
    const folder = stack.home.join('read-only');
    await mkdir(folder);
    await mountOrSkip(context, ['-t', 'tmpfs', '-o', 'ro,size=1g', 'tmpfs', folder], folder);
    await expectFailed(await backUp('read-only', { storage: { kind: 'file', path: folder } }), 'STORAGE_UNWRITABLE');
  });

  it('a storage folder that is too small from the start', async (context) => {
    const folder = stack.home.join('too-small');
    await mkdir(folder);
    await mountOrSkip(context, ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder], folder);
    await expectFailed(await backUp('too small', { storage: { kind: 'file', path: folder } }), 'DISK_TOO_SMALL');
  });

  it('sessions on the target that are ended in the middle of the dump', async () => {
    await using blocker = await target.client('shop');
    await blocker.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE');
    const request = await backUp('terminated');
    await waitingForALock(target);
    await using admin = await target.client();
    await admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'hozen/%'`);
    await blocker.query('ROLLBACK');
    await expectFailed(request, 'TARGET_CONNECTION_LOST');
  });

  it('a table lock that is not given up', async () => {
    await using blocker = await target.client('shop');
    await blocker.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE');
    const request = await backUp('locked', { lockWaitSeconds: 1 });
    await expectFailed(request, 'TARGET_LOCKED');
    await blocker.query('ROLLBACK');
  });

  it('a window that is closed', async () => {
    const hour = (new Date().getUTCHours() + 3) % 24;
    const window = { from: `${String(hour).padStart(2, '0')}:00`, to: `${String(hour).padStart(2, '0')}:30` };
    await expectFailed(await backUp('window', { window }), 'OUTSIDE_WINDOW');
  });
});

describe('an artefact that changes between its commit and its proof', () => {
  it.each([
    ['a flipped bit', flipBit],
    ['a cut', truncateFile],
  ])('by %s is found, taken back, and the backup is made again', async (what, damage) => {
    const marker = stack.home.join(`marker ${what}`);
    await stack.service('backup-worker').stop();
    const worker = await stack.startService('backup-worker', {
      HOZEN_FAILPOINTS: `commit.after-manifest=pause@${marker}`,
    });
    const request = await backUp(what, { retries: { verification: { times: 1, seconds: 0 } } });
    await eventually(async () => expect(await processState(worker.pid)).toBe('T'), { within: 30_000 });
    const [artefact] = (await filesBelow(storage)).filter((path) => path.endsWith('.tar.gz'));
    await damage(artefact ?? '');
    worker.signal('SIGCONT');
    const ended = await stack.runEnded(request);
    expect(ended.state).toBe('completed');
    expect(ended.attempts.map((attempt) => attempt.status)).toEqual(['failure', 'success']);
    expect(ended.attempts[0]?.error).toMatch(/^ARTEFACT_CORRUPT: /);
    expect((await filesBelow(storage)).filter((path) => path.endsWith('.tar.gz'))).toHaveLength(1);
  });
});

describe('a run that is cancelled', () => {
  it('stops in the middle of the dump and leaves nothing', async () => {
    await using blocker = await target.client('shop');
    await blocker.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE');
    const request = await backUp('cancelled');
    await stack.runWhen(request, (each) => each.state === 'running');
    await fetch(`${stack.service('backup-worker').url}/backups/${request}/cancel`, { method: 'POST' });
    const ended = await stack.runEnded(request);
    await blocker.query('ROLLBACK');
    expect(ended).toMatchObject({ state: 'cancelled', error: { code: 'CANCELLED' } });
    expect(await filesBelow(storage)).toEqual([]);
    await stack.events.waitFor('backup.failed', request);
    expect(stack.events.terminalOf(request)).toHaveLength(1);
  });
});

async function mountOrSkip(
  context: { skip: (reason: string) => never },
  args: string[],
  folder: string,
): Promise<void> {
  try {
    await run('mount', args);
  } catch (error) {
    context.skip(`mounting is not permitted here: ${(error as Error).message}`);
  }
  undo.push(() => run('umount', [folder]));
}
