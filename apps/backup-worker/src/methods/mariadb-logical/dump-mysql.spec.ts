import { execFile } from 'node:child_process';
import { symlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { HozenError } from '@hozen/contracts';
import { connectMariadb, findMariadbTool, OptionFile, PrivateMariadb } from '@hozen/dbms';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ArtefactFile } from '../../artefact/artefact-file.js';
import { backUp, quietContext } from '../../backup.fixture.js';
import type { BackupJob } from '../../job.js';
import type { CommittedArtefact } from '../../storage/committed-artefact.js';
import { checkArtefact } from '../../verification/check-artefact.js';
import { restoreDumpIntoDirectory } from '../../restore/mariadb-dump-directory.js';
import { ownUserName } from '../../restore/own-user.js';
import { checkTables, startOnCopy } from '../../verification/copied-mariadb.js';
import { proveMariadb } from '../../verification/prove-mariadb.js';
import { differencesOf, type DumpContent } from './dump-content.js';
import { CONTENT } from './dump-server.js';
import { hasMariadb, mariadbJob } from './mariadb.fixture.js';
import { fillMysql, hasMysql, MYSQL, WITHOUT_MYSQL } from './mysql.fixture.js';

const run = promisify(execFile);

describe.skipIf(!hasMysql)(`a dump of a MySQL server (${WITHOUT_MYSQL})`, () => {
  let server: PrivateMariadb;
  let home: TempDir;
  let folder: TempDir;

  beforeAll(async () => {
    home = await tempDir();
    const settings = { 'log-bin': 'bin', 'gtid-mode': 'ON', 'enforce-gtid-consistency': 'ON' };
    server = await PrivateMariadb.start({ kind: MYSQL, dataDir: home.join('data'), settings });
    await fillMysql(server);
    process.env['HOZEN_TEST_HALF'] = 'half';
    process.env['HOZEN_TEST_LEAST'] = 'least';
  }, 60_000);
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await home?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    folder = await tempDir();
  });
  afterEach(() => folder[Symbol.asyncDispose]());

  function jobFor(change: object = {}): BackupJob {
    return mariadbJob(server, folder.path, change);
  }

  async function made(job = jobFor()): Promise<{ job: BackupJob; artefact: CommittedArtefact }> {
    await run('mkdir', ['-p', '-m', '711', job.spoolDir]);
    return { job, artefact: await backUp(job) };
  }

  it('holds everything, and is proven by a restore that is dumped again', async () => {
    const { job, artefact } = await made();
    await checkArtefact(job, artefact, quietContext());
    expect(await proveMariadb(job, artefact, quietContext())).toMatchObject({
      level: 'restore',
      databases: 3,
      tables: 3,
    });
    const { manifest } = artefact;
    expect(manifest.mariadb).toMatchObject({ flavour: 'mysql', version: server.address().server.version });
    expect(JSON.stringify(manifest)).not.toContain('se"cr');
  });

  it('says where in the binary log its moment lies', async () => {
    await using client = await connectMariadb(server.address());
    const [status] = await client.query<{ Position: string }>('SHOW BINARY LOG STATUS');
    const { artefact } = await made();
    expect(artefact.manifest.mariadb?.binlog?.position).toBe(Number(status?.Position));
  });

  it('is made with the rights that the guide names', async () => {
    await made(jobFor({ user: 'least', password: 'env:HOZEN_TEST_LEAST' }));
  });

  it('is restored by its own script into an empty MySQL server, users with their roles and all', async () => {
    const { artefact } = await made();
    const { components = [] } = artefact.manifest.mariadb ?? {};
    await using other = await PrivateMariadb.start({ kind: MYSQL, components, dataDir: folder.join('other') });
    await restoreByScript(artefact, other);
    await using client = await connectMariadb(other.address());
    const [sums] = await client.query<{ n: string; total: string }>('SELECT * FROM shop.sums');
    expect(sums).toEqual({ n: '50000', total: '1250025000' });
    await using original = await connectMariadb(server.address());
    const told = [
      "SHOW GRANTS FOR clerk@'%'",
      "SHOW CREATE USER clerk@'%'",
      'SHOW CREATE USER local@localhost',
      'SHOW GRANTS FOR nearly@localhost',
      'SHOW GRANTS FOR clerks',
      'SELECT event_name AS name FROM information_schema.events ORDER BY 1',
      'SELECT hidden, st_astext(p) AS p, hex(u) AS u, v, g FROM shop.kinds',
    ];
    for (const each of [original, client]) await each.query('SET SESSION print_identified_with_as_hex = ON');
    for (const sql of told) expect(await client.query(sql)).toEqual(await original.query(sql));
    await using clerk = await connectMariadb({ ...other.address(), user: 'clerk', password: 'not-so-secret' });
    expect(await clerk.query('SELECT current_role() AS roles')).toEqual([{ roles: '`clerks`@`%`' }]);
    await expect(restoreByScript(artefact, other)).rejects.toThrow('databases already');
  });

  it('becomes the data directory of a new server, with its users and nobody else', async () => {
    const { artefact } = await made();
    const [directory, logFile] = [folder.join('new server'), folder.join('server.log')];
    await restoreDumpIntoDirectory({
      artefact,
      directory,
      logFile,
      user: ownUserName(crypto.randomUUID()),
      ...quietContext(),
    });
    await using copy = await startOnCopy(directory, artefact, quietContext(), { logFile });
    await using client = await connectMariadb(copy.address());
    expect(await checkTables(client, quietContext())).toBe(3);
    await using original = await connectMariadb(server.address());
    const users = `SELECT concat(User, '@', Host) AS name FROM mysql.user ORDER BY 1`;
    expect(await client.query(users)).toEqual(await original.query(users));
    expect(await client.query('SELECT * FROM shop.sums')).toEqual(await original.query('SELECT * FROM shop.sums'));
    await copy.stop();
  });

  it.skipIf(!hasMariadb)('is not restored by its script into a MariaDB server', async () => {
    const { artefact } = await made();
    await using other = await PrivateMariadb.start({ dataDir: folder.join('other') });
    // Its own client finds a way in; MySQL's may not even have the plugin for it.
    const { path } = await findMariadbTool('client');
    await symlink(path, folder.join('mysql'));
    const restore = restoreByScript(artefact, other, folder.path);
    await expect(restore).rejects.toThrow('the dump is of MySQL, and the server is MariaDB');
  });

  /** @param clients the folder of the program mysql */
  async function restoreByScript(artefact: CommittedArtefact, into: PrivateMariadb, clients?: string): Promise<void> {
    const { path } = await findMariadbTool('client', MYSQL);
    await using options = await OptionFile.write(into.address());
    const script = folder.join('restore.sh');
    await run('sh', ['-c', 'tar -xOf "$1" --occurrence=1 restore.sh > "$2"', 'sh', artefact.path, script]);
    const PATH = `${clients ?? dirname(path)}:${process.env['PATH']}`;
    await run('sh', [script, artefact.path, options.argument], { env: { ...process.env, PATH } });
  }

  it('has other content when one row is another, and says of which table', async () => {
    const contentOf = async ({ artefact }: { artefact: CommittedArtefact }) => {
      await using file = await ArtefactFile.open(artefact);
      return JSON.parse((await file.readFile(CONTENT)).toString('utf8')) as DumpContent;
    };
    const before = await contentOf(await made());
    await using client = await connectMariadb(server.address());
    await client.query('UPDATE shop.many SET filler = "changed" WHERE n = 77');
    const after = await contentOf(await made({ ...jobFor(), startedAt: new Date('2026-01-02T03:04:07Z') }));
    await client.query('UPDATE shop.many SET filler = repeat(sha2(77, 224), 3) WHERE n = 77');
    expect(differencesOf(before, after)).toEqual(['shop.many']);
  });

  it.each([
    ['a wrong password', { password: 'env:HOZEN_TEST_HALF' }, 'TARGET_AUTH_FAILED'],
    ['too few rights', { user: 'half', password: 'env:HOZEN_TEST_HALF' }, 'TARGET_RIGHTS_MISSING'],
  ])('is not begun with %s, and says what is missing', async (_what, change, code) => {
    const failure = await made(jobFor(change)).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code });
    if (code === 'TARGET_RIGHTS_MISSING') {
      expect((failure as HozenError).detail).toContain('GRANT RELOAD, REPLICATION CLIENT');
    }
  });

  it('is no copy of files: the method for these is refused', async () => {
    const job = jobFor();
    Object.assign(job.config, { method: 'mariadb-physical' });
    const failure = await made(job).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'TARGET_UNSUITABLE' });
    expect((failure as HozenError).message).toContain('MySQL');
  });
});
