import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BackupConfiguration, requireValid, TargetSpec } from '@hozen/contracts';
import { connectMariadb, PrivateMariadb, type PostgresAddress } from '@hozen/dbms';
import { tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backUp, quietContext } from '../../backup.fixture.js';
import { applyConfiguration } from '../../configs/apply-configuration.js';
import type { BackupJob } from '../../job.js';
import { loadPlan } from '../../runs/load-plan.js';
import { BackupStore } from '../../spec-support/backup-store.js';
import { removeTree } from '../../storage/file/remove-tree.js';
import { proveConfiguration } from '../../verification/prove-configuration.js';
import { restoredByHand } from '../files/tree.fixture.js';
import { fill, hasMariadb, mariadbJob } from '../mariadb-logical/mariadb.fixture.js';
import { configurationJob, git } from './configuration.fixture.js';
import { MASKED } from './mask.js';

let folder: TempDir;
let clock = Date.parse('2026-01-02T03:04:05Z');
beforeEach(async () => {
  folder = await tempDir();
});
afterEach(async () => {
  await removeTree(folder.path);
  await folder[Symbol.asyncDispose]();
});

function jobOf(servers: BackupJob['servers'], names = (servers ?? []).map(({ name }) => name)): BackupJob {
  const change = { startedAt: new Date((clock += 60_000)), ...(servers ? { servers } : {}) };
  return configurationJob(folder.path, change, { paths: [], servers: names });
}

const shown = (path: string) => git(join(folder.path, 'settings.git'), 'show', `main:erp/hozen-servers/${path}`);

describe('the settings of a PostgreSQL server', () => {
  let server: TestPostgres;
  let target: TargetSpec;
  beforeAll(async () => {
    server = await TestPostgres.start();
    const address: PostgresAddress = server.address();
    const { host, port, user, password } = address;
    process.env['HOZEN_TEST_SETTINGS'] = password ?? '';
    target = Object.assign(new TargetSpec(), { name: 'shop', kind: 'postgres', host, port, user } as const, {
      password: 'env:HOZEN_TEST_SETTINGS',
    });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it('are a text of what it runs with, without secrets, and changed when it is', async () => {
    await using client = await server.client();
    await client.query(`ALTER SYSTEM SET primary_conninfo = 'host=a password=''geheim nis'' port=5432'`);
    await client.query(`ALTER ROLE ${client.escapeIdentifier(server.address().user)} SET work_mem = '5MB'`);
    await client.query('SELECT pg_reload_conf()');
    const job = jobOf([target]);
    const artefact = await backUp(job);
    expect(await proveConfiguration(job, artefact, quietContext())).toMatchObject({ level: 'restore' });
    const text = await shown('shop.conf');
    expect(text).toMatch(/^server_version = '/m);
    expect(text).toContain(`primary_conninfo = 'host=a password=''${MASKED}'' port=5432' # configuration file`);
    expect(text).toMatch(/^\* \S+ work_mem=5MB$/m);
    expect(text).toMatch(/^local all all /m);
    const unchanged = await backUp(jobOf([target]));
    expect(unchanged.manifest.git?.changed).toBe(false);
    await client.query(`ALTER SYSTEM SET log_min_duration_statement = '7s'`);
    await client.query('SELECT pg_reload_conf()');
    await expect
      .poll(async () => (await client.query('SHOW log_min_duration_statement')).rows)
      .toEqual([{ log_min_duration_statement: '7s' }]);
    const changed = await backUp(jobOf([target]));
    expect(changed.manifest.git?.changed).toBe(true);
    expect(await shown('shop.conf')).toContain(`log_min_duration_statement = '7s' # configuration file`);
    const restored = await restoredByHand([{ artefact: changed }], folder.path);
    expect(await readFile(join(restored, 'hozen-servers/shop.conf'), 'latin1')).toBe(await shown('shop.conf'));
  });

  it('are not left out silently where the server is away, or no target any more', async () => {
    const away = Object.assign(new TargetSpec(), target, { port: 1 });
    await expect(backUp(jobOf([away]))).rejects.toMatchObject({ code: 'TARGET_UNREACHABLE' });
    await expect(backUp(jobOf([], ['shop']))).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

describe.skipIf(!hasMariadb)('the settings of a MariaDB server (skipped where there is no mariadbd)', () => {
  it('are a text of what was set, and the same after it was written to', async () => {
    await using home = await tempDir();
    await using server = await PrivateMariadb.start({
      dataDir: home.join('data'),
      settings: { 'log-bin': 'bin', 'server-id': 4_711 },
    });
    await fill(server);
    const { target } = mariadbJob(server, folder.path, { name: 'web' });
    await backUp(jobOf([target]));
    expect(await shown('web.conf')).toMatch(/^server_id = '4711' # (?:config|command-line)$/m);
    await using client = await connectMariadb(server.address());
    await client.query('CREATE DATABASE more');
    expect((await backUp(jobOf([target]))).manifest.git?.changed).toBe(false);
    await client.query('SET GLOBAL max_connections = 77');
    expect((await backUp(jobOf([target]))).manifest.git?.changed).toBe(true);
    expect(await shown('web.conf')).toContain(`max_connections = '77' # sql`);
  });
});

it('a target that names a server gets it with each run, and one that names none cannot be applied', async () => {
  await using store = await BackupStore.start();
  const apply = (servers: string[]) => {
    const shop = { name: 'shop', kind: 'postgres', host: 'db1' };
    const documents = { name: 'documents', kind: 'files', path: '/srv' };
    const targets = [shop, documents, { name: 'settings', kind: 'configuration', servers }];
    const config = { name: 'settings', target: 'settings', method: 'git-config', repository: { url: '/srv/git' } };
    const configs = [{ ...config, storage: { kind: 'file', path: '/srv/backups' } }];
    const wanted = requireValid(BackupConfiguration, { targets, configs });
    return store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
  };
  await expect(apply(['shop', 'nobody'])).rejects.toMatchObject({
    detail: expect.stringContaining('"nobody"') as string,
  });
  await expect(apply(['documents'])).rejects.toMatchObject({ detail: expect.stringContaining('no server') as string });
  await apply(['shop']);
  const plan = await loadPlan(store.database, await store.request('settings'));
  expect(plan.servers).toMatchObject([{ name: 'shop', host: 'db1' }]);
});
