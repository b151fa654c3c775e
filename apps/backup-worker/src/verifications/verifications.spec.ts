import { randomUUID } from 'node:crypto';
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { BackupConfiguration, newEvent, requireValid, type VerificationRequested } from '@hozen/contracts';
import { logger } from '@hozen/telemetry';
import { eventually, processesMatching, tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backUp, jobFor } from '../backup.fixture.js';
import { applyConfiguration } from '../configs/apply-configuration.js';
import { findRun, listRuns } from '../api/list-runs.js';
import { acceptRestore } from '../restores/accept-restore.js';
import { findRestore } from '../restores/list-restores.js';
import { planRequest } from '../restores/plan-request.js';
import { previewRetention } from '../retention/preview.js';
import { lineageOf } from '../runs/lineage.js';
import { BackupStore } from '../spec-support/backup-store.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { acceptVerification } from './accept-verification.js';
import { claimVerification } from './claim-verification.js';
import { executeVerification } from './execute-verification.js';
import { cancelVerification, findVerification, listVerifications } from './list-verifications.js';
import type { VerificationRow } from './verification-row.js';

const HOUR = 3_600_000;

let store: BackupStore;
let server: TestPostgres;
let folder: TempDir;
let newest: CommittedArtefact;
/** Newest last. */
let runs: string[];

beforeAll(async () => {
  [store, server] = await Promise.all([BackupStore.start(), TestPostgres.start()]);
  await server.createDatabase('shop');
  await using shop = await server.client('shop');
  await shop.query('CREATE TABLE orders AS SELECT n AS id, md5(n::text) AS note FROM generate_series(1, 3000) AS n');
}, 60_000);
afterAll(async () => {
  await Promise.all([store, server].map((each) => each?.[Symbol.asyncDispose]()));
});
beforeEach(async () => {
  folder = await tempDir();
  await store.database.query(
    'TRUNCATE backup_configs, backup_targets, backup_runs, backup_artefacts, verifications, outbox CASCADE',
  );
  const { host, port, user } = server.address();
  const wanted = requireValid(BackupConfiguration, {
    targets: [{ name: 'shop', kind: 'postgres', host, port, user, password: `env:HOZEN_TEST_PASSWORD_${port}` }],
    configs: [{ name: 'nightly', target: 'shop', storage: { kind: 'file', path: folder.path } }],
  });
  await store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
  runs = [];
  for (const startedAt of [new Date(Date.now() - 2 * HOUR), new Date(Date.now() - HOUR)]) {
    newest = await backUp(jobFor(server.address(), folder.path, { startedAt }));
    runs.push(await store.completed('nightly', newest));
  }
});
afterEach(() => folder[Symbol.asyncDispose]());

async function request(data: Partial<VerificationRequested> = { config: 'nightly' }): Promise<string> {
  const event = newEvent('verification.requested', data, { source: 'spec', id: randomUUID() });
  await store.outbox.transaction((tx) => acceptVerification(tx, event));
  return event.id;
}

async function claimed(): Promise<VerificationRow> {
  const row = await claimVerification(store.database, 'spec');
  if (!row) throw new Error('there is nothing to claim');
  return row;
}

async function execute(row: VerificationRow, shutdown = new AbortController().signal): Promise<void> {
  const log = logger('spec');
  log.level = 'silent';
  const { database, outbox } = store;
  await executeVerification(row, performance.now(), {
    database,
    outbox,
    log,
    spoolRoot: folder.join('spool'),
    shutdown,
  });
}

/** Turns bytes in the middle of an artefact around. */
async function damage({ path }: CommittedArtefact): Promise<Buffer> {
  const pristine = await readFile(path);
  const damaged = Buffer.from(pristine);
  for (let at = Math.floor(damaged.length / 2), end = at + 64; at < end; at += 1) {
    damaged.writeUInt8(damaged.readUInt8(at) ^ 0xff, at);
  }
  await writeFile(path, damaged);
  return pristine;
}

async function restored(id: string): Promise<Awaited<ReturnType<typeof findRestore>>> {
  const row = await store.claimRestore();
  await store.executeRestore(row, folder.join('spool'));
  return findRestore(store.database, id);
}

async function asked(): Promise<unknown[]> {
  const rows = await store.database.query<{ data: unknown }[]>(
    `SELECT body -> 'data' AS data FROM outbox WHERE subject = 'backup.requested'`,
  );
  return rows.map(({ data }) => data);
}

describe('a verification of a standing backup', () => {
  it('gives way to other programs, with the servers that it starts', async () => {
    await request();
    const row = await claimed();
    const executed = execute(row);
    // They get it just after they have begun.
    await eventually(async () => {
      const [scratch] = await processesMatching(row.id);
      // The fields after the name, which may have anything in it.
      const stat = await readFile(`/proc/${scratch?.pid}/stat`, 'utf8');
      const niceness = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
      expect(niceness).toBe(10);
    });
    await executed;
  });

  it('in full restores the newest and compares it, and measures how long that takes and how old it is', async () => {
    await store.database.query(`UPDATE backup_runs SET started_at = clock_timestamp() - interval '1 hour'`);
    const id = await request();
    await execute(await claimed());
    const view = await findVerification(store.database, id);
    expect(view).toMatchObject({
      state: 'completed',
      runId: runs[1],
      proof: { level: 'restore', databases: expect.any(Number) as number, tables: 1 },
    });
    expect(view.rtoSeconds).toBe(view.proof?.seconds);
    expect(Math.round((view.rpoSeconds ?? 0) / 60)).toBe(60);
    expect(await store.eventsOf(view.id)).toEqual([
      'verification.accepted',
      'verification.started',
      'verification.completed',
    ]);
    expect(await readdir(folder.join('spool'))).toEqual([]);
    expect(await listVerifications(store.database, { target: 'shop' })).toEqual([view]);
    expect(await listVerifications(store.database, { config: 'other' })).toEqual([]);
  });

  it('by spot check reads one back that is drawn, the same one for the same seed', async () => {
    const drawn = new Set<string>();
    for (const seed of [1, 1, 2, 3, 4, 5, 6, 7]) {
      const id = await request({ kind: 'spot', seed });
      await execute(await claimed());
      const view = await findVerification(store.database, id);
      expect(view).toMatchObject({ state: 'completed', seed, proof: { level: 'checksum' } });
      expect(view.rtoSeconds).toBeUndefined();
      drawn.add(`${seed} ${view.runId}`);
    }
    expect(drawn.size).toBe(7);
    expect(new Set([...drawn].map((each) => each.slice(2)))).toEqual(new Set(runs));
  });

  it('finds damage, looks again, and only then says so; it counts no more, and another backup is asked for', async () => {
    await damage(newest);
    const id = await request();
    await execute(await claimed());
    expect(await findVerification(store.database, id)).toMatchObject({ state: 'queued', attempt: 1 });
    expect(await asked()).toEqual([]);
    await execute(await claimed());
    const view = await findVerification(store.database, id);
    expect(view).toMatchObject({ state: 'failed', verdict: 'bad', error: { code: 'ARTEFACT_CORRUPT' } });
    expect(await asked()).toEqual([
      expect.objectContaining({ config: 'nightly', level: 'full', overrideWindow: true }),
    ]);

    const [retention] = await previewRetention(store.database, 'nightly');
    expect(retention?.artefacts.map(({ keep }) => keep)).toEqual([true, true]);
    const run = await store.run(runs[0] ?? '');
    expect(await lineageOf(store.database, { ...run, id: randomUUID() }).newest(['full'])).toBeUndefined();
    const next = await request();
    expect(await findVerification(store.database, next)).toMatchObject({ runId: runs[0] });
  });

  describe('that turned out to be bad', () => {
    let verification: string;
    let pristine: Buffer;
    beforeEach(async () => {
      pristine = await damage(newest);
      const id = await request();
      await execute(await claimed());
      await execute(await claimed());
      verification = (await findVerification(store.database, id)).id;
    });

    const restore = { target: 'shop', databases: [{ name: 'shop', as: 'again' }] };
    const plan = (of: object) => planRequest(store.database, { ...restore, ...of }, []);

    async function badOf(run: string | undefined): Promise<unknown> {
      const view = await findRun(store.database, run ?? '');
      const listed = (await listRuns(store.database, {})).runs.find(({ id }) => id === view.id);
      expect(listed?.artefact?.bad).toEqual(view.artefact?.bad);
      return view.artefact?.bad;
    }

    it('is shown as such, by which verification and since when', async () => {
      expect(await badOf(runs[1])).toEqual({ verification, since: expect.stringMatching(/^\d{4}-.*Z$/) as string });
      expect(await badOf(runs[0])).toBeUndefined();
      const [retention] = await previewRetention(store.database, 'nightly');
      expect(retention?.artefacts.map(({ bad }) => bad)).toEqual([true, undefined]);
      expect(retention?.artefacts[1]?.reasons).toContainEqual({ kind: 'bad' });
    });

    it('is not restored where it is named, and the newest sound one is named instead', async () => {
      expect(await plan({ run: runs[1] })).toMatchObject({
        bad: { verification, instead: runs[0] },
        obstacles: [{ kind: 'backup-bad', what: runs[1] }],
      });
      const data = { ...restore, run: runs[1] ?? '' };
      const event = newEvent('restore.requested', data, { source: 'spec', id: randomUUID() });
      const reasons = await store.outbox.transaction((tx) => acceptRestore(tx, event));
      expect(reasons).toMatchObject([
        { field: 'run', message: expect.stringContaining(`restore run ${runs[0]} instead`) as string },
      ]);
      expect(await store.database.query('SELECT FROM restores')).toEqual([]);
      const latest = await plan({ config: 'nightly' });
      expect(latest).toMatchObject({ runId: runs[0], obstacles: [] });
      expect(latest.bad).toBeUndefined();
    });

    it('is restored on purpose where it is named as bad itself, which is planned, written down and told', async () => {
      const bad = `bad-backup:${runs[1]}`;
      for (const allow of [['*'], ['bad-backup:*'], [`bad-backup:${runs[0]}`]]) {
        expect((await plan({ run: runs[1], allow })).obstacles).toContainEqual({ kind: 'backup-bad', what: runs[1] });
      }
      // Put right, and not proven yet.
      await writeFile(newest.path, pristine);
      const found = await plan({ run: runs[1], allow: [bad] });
      expect(found).toMatchObject({ bad: { verification }, obstacles: [] });
      expect(found.policy?.findings).toEqual([{ kind: 'bad-backup', name: runs[1], where: 'nightly', allowed: true }]);
      const data = { ...restore, run: runs[1] ?? '', allow: [bad] };
      const event = newEvent('restore.requested', data, { source: 'spec', id: randomUUID() });
      expect(await store.outbox.transaction((tx) => acceptRestore(tx, event))).toEqual([]);
      expect(await restored(event.id)).toMatchObject({
        state: 'completed',
        allow: [bad],
        warnings: expect.arrayContaining([
          expect.stringContaining(`had found the backup of run ${runs[1]} to be bad`),
        ]) as string[],
      });
      await using client = await server.client();
      await client.query('DROP DATABASE again');
    });

    it('that is found to be so after a restore of it was asked for is not restored', async () => {
      await writeFile(newest.path, pristine);
      await store.database.query('UPDATE backup_artefacts SET bad_since = NULL');
      const data = { ...restore, run: runs[1] ?? '' };
      const event = newEvent('restore.requested', data, { source: 'spec', id: randomUUID() });
      expect(await store.outbox.transaction((tx) => acceptRestore(tx, event))).toEqual([]);
      await store.database.query('UPDATE backup_artefacts SET bad_since = now() WHERE run_id = $1', [runs[1]]);
      expect(await restored(event.id)).toMatchObject({ state: 'failed', error: { code: 'RESTORE_IMPOSSIBLE' } });
    });

    it('spoils what builds on it', async () => {
      await store.database.query('UPDATE backup_runs SET parent_run_id = $2 WHERE id = $1', runs);
      expect(await badOf(runs[0])).toMatchObject({ verification, buildsOn: runs[1] });
      const { bad, obstacles } = await plan({ run: runs[0] });
      expect(bad).toMatchObject({ buildsOn: runs[1] });
      expect(bad?.instead).toBeUndefined();
      expect(obstacles).toEqual([{ kind: 'backup-bad', what: runs[1] }]);
      await expect(plan({ config: 'nightly' })).rejects.toMatchObject({
        reasons: [{ field: 'config', message: expect.stringContaining('all of its backups to be bad') as string }],
      });
    });

    it('is good again once it was put right and restored in full', async () => {
      await writeFile(newest.path, pristine);
      await request({ run: runs[1] ?? '', kind: 'spot' });
      await execute(await claimed());
      expect(await badOf(runs[1])).toMatchObject({ verification });
      await request({ run: runs[1] ?? '', kind: 'full' });
      await execute(await claimed());
      expect(await badOf(runs[1])).toBeUndefined();
      expect(await plan({ config: 'nightly' })).toMatchObject({ runId: runs[1], obstacles: [] });
    });
  });

  it('holds nothing against a backup that is good again at the second look', async () => {
    const pristine = await damage(newest);
    const id = await request();
    await execute(await claimed());
    await writeFile(newest.path, pristine);
    await execute(await claimed());
    expect(await findVerification(store.database, id)).toMatchObject({ state: 'completed', attempt: 2 });
    expect(await asked()).toEqual([]);
  });

  it('knows nothing of a backup where the proof itself is impossible', async () => {
    await store.database.query(`UPDATE backup_configs SET spec = spec || '{"method": "nonsense"}'`);
    const id = await request();
    await execute(await claimed());
    expect(await findVerification(store.database, id)).toMatchObject({
      state: 'failed',
      verdict: 'unknown',
      error: { code: 'CONFIG_INVALID' },
    });
    expect(await asked()).toEqual([]);
  });

  it('says that an artefact is not there', async () => {
    const { manifestPath } = newest;
    await rename(manifestPath, `${manifestPath}.away`);
    const id = await request();
    await execute(await claimed());
    await execute(await claimed());
    expect(await findVerification(store.database, id)).toMatchObject({
      verdict: 'bad',
      error: { code: 'ARTEFACT_MISSING' },
    });
  });

  it('goes on with another worker after the death of the first, and after one that stops', async () => {
    const id = await request();
    const dead = await claimed();
    await store.database.query('UPDATE verifications SET lease_until = clock_timestamp() WHERE id = $1', [dead.id]);
    const stopping = new AbortController();
    const executing = execute(await claimed(), stopping.signal);
    stopping.abort();
    await executing;
    expect(await findVerification(store.database, id)).toMatchObject({ state: 'queued', attempt: 1 });
    await execute(await claimed());
    expect(await findVerification(store.database, id)).toMatchObject({ state: 'completed', attempt: 2 });
    // The first one, should it still be there, has no say any more.
    await execute(dead);
    expect(await findVerification(store.database, id)).toMatchObject({ state: 'completed', attempt: 2 });
  });

  it('is cancelled while it waits and while it runs', async () => {
    const waiting = await request();
    await cancelVerification(store.outbox, (await findVerification(store.database, waiting)).id);
    expect(await findVerification(store.database, waiting)).toMatchObject({ state: 'cancelled' });
    const running = await request();
    const row = await claimed();
    await cancelVerification(store.outbox, row.id);
    await execute({ ...row, cancel_requested_at: new Date() });
    expect(await findVerification(store.database, running)).toMatchObject({ state: 'cancelled' });
  });

  it('keeps its artefact from being let go', async () => {
    const rules = `'{"retentionDays": 1, "retentionCount": 1}'`;
    await store.database.query(`UPDATE backup_configs SET spec = spec || ${rules}`);
    const kept = async () =>
      (await previewRetention(store.database, 'nightly'))[0]?.artefacts.find(({ runId }) => runId === runs[0])?.keep;
    expect(await kept()).toBe(false);
    await request({ run: runs[0] ?? '' });
    expect(await kept()).toBe(true);
  });

  it.each([
    ['of an unknown config', { config: 'other' }],
    ['of nothing', {}],
    ['of an unknown run', { run: 'no such' }],
    ['drawn from nothing', { kind: 'spot' as const, config: 'other' }],
  ])('is rejected at once %s', async (_what, data) => {
    const id = await request(data);
    await expect(findVerification(store.database, id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const rows = await store.database.query<unknown[]>(
      `SELECT FROM outbox WHERE subject = 'verification.rejected' AND body -> 'data' ->> 'requestId' = $1`,
      [id],
    );
    expect(rows).toHaveLength(1);
  });
});
