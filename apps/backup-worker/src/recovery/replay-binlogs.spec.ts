import { mkdirSync } from 'node:fs';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import type { BackupMethod, RecoveryPoint } from '@hozen/contracts';
import { connectMariadb, findMariadbTool, giveToServer, PrivateMariadb } from '@hozen/dbms';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backUp, quietContext } from '../backup.fixture.js';
import { hasMariadb, mariadbJob } from '../methods/mariadb-logical/mariadb.fixture.js';
import { loadMariadb } from '../restore/load-mariadb.js';
import { restoreDumpIntoDirectory } from '../restore/mariadb-dump-directory.js';
import { restoreMariadbFiles } from '../restore/mariadb-files.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { replayBinlogs } from './replay-binlogs.js';

const hasBackup = await findMariadbTool('backup').then(
  () => true,
  () => false,
);

describe.skipIf(!hasMariadb || !hasBackup)(
  'binary logs that are replayed over a copy (skipped without mariadb-server and mariadb-backup)',
  { timeout: 60_000 },
  () => {
    let folder: TempDir;
    let server: PrivateMariadb;
    let copy: CommittedArtefact;
    let dump: CommittedArtefact;
    let log: CommittedArtefact;
    let gtid: string;
    let made = 0;

    beforeAll(async () => {
      folder = await tempDir();
      server = await started('one');
      copy = await artefactOf(server, 'mariadb-physical');
      dump = await artefactOf(server, 'mariadb-logical');
      await sql(
        server,
        'INSERT INTO shop.ticks VALUES (1)',
        'GRANT earlier TO backup@localhost WITH ADMIN OPTION',
        'CREATE TEMPORARY TABLE shop.kept (n INT)',
      );
      await sql(server, 'CREATE USER later@localhost', 'CREATE ROLE clerks', 'GRANT clerks TO later@localhost');
      await sql(server, 'INSERT INTO shop.ticks VALUES (2)');
      await using client = await connectMariadb(server.address());
      gtid = (await client.query<{ gtid: string }>('SELECT @@gtid_binlog_pos AS gtid'))[0]?.gtid ?? '';
      await sql(server, 'INSERT INTO shop.ticks VALUES (3)');
      log = await artefactOf(server, 'mariadb-binlog');
    }, 60_000);
    afterAll(async () => {
      await server?.[Symbol.asyncDispose]();
      await folder?.[Symbol.asyncDispose]();
    });

    async function started(name: string): Promise<PrivateMariadb> {
      const settings = { 'log-bin': 'bin', 'server-id': 1 };
      const one = await PrivateMariadb.start({ dataDir: folder.join(name), settings });
      const password = `'se"cr\\\\et #1'`;
      await sql(one, `CREATE USER backup@localhost IDENTIFIED BY ${password}`, 'GRANT ALL ON *.* TO backup@localhost');
      await sql(one, 'CREATE ROLE earlier', 'CREATE DATABASE shop', 'CREATE TABLE shop.ticks (n INT PRIMARY KEY)');
      return one;
    }

    async function sql(on: PrivateMariadb, ...statements: string[]): Promise<void> {
      await using client = await connectMariadb(on.address());
      for (const statement of statements) await client.query(statement);
    }

    async function artefactOf(on: PrivateMariadb, method: BackupMethod): Promise<CommittedArtefact> {
      const job = mariadbJob(on, folder.path);
      const level = method === 'mariadb-binlog' ? 'transaction_log' : 'full';
      Object.assign(job.config, { method, compression: 'none' });
      mkdirSync(job.spoolDir, { recursive: true, mode: 0o711 });
      const startedAt = new Date(Date.UTC(2026, 0, 2, made++));
      return backUp({ ...job, runId: crypto.randomUUID(), level, startedAt });
    }

    async function replayed(point: RecoveryPoint, logs = [log], from = copy) {
      const scratch = folder.join(`scratch-${made++}`);
      const directory = folder.join(`restored-${made++}`);
      await mkdir(scratch, { mode: 0o711 });
      const context = quietContext();
      if (from === dump) {
        const logFile = `${scratch}/server.log`;
        await restoreDumpIntoDirectory({ artefact: dump, directory, logFile, user: 'hozen_test', ...context });
      } else {
        await restoreMariadbFiles({ chain: [from], directory, beside: `${scratch}/increment`, ...context });
        await giveToServer(directory);
      }
      const reached = await replayBinlogs({ directory, copy: from, logs, point, scratch, ...context });
      const settings = { 'skip-grant-tables': 1 };
      await using restored = await PrivateMariadb.start({ dataDir: directory, settings });
      await using client = await connectMariadb(restored.address());
      const rows = await client.query<{ n: number }>('SELECT n FROM shop.ticks ORDER BY n');
      const users = await client.query<{ user: string }>(`SELECT user FROM mysql.user WHERE user = 'later'`);
      const all = await client.query<{ name: string }>(`SELECT concat(user, '@', host) AS name FROM mysql.user`);
      return {
        rows: rows.map(({ n }) => n),
        users: users.length,
        reached,
        all: all.map(({ name }) => name).toSorted(),
      };
    }

    it('bring it up to and with a transaction, users and all, or to the end', async () => {
      const some = await replayed({ gtid });
      expect(some).toMatchObject({ rows: [1, 2], users: 1, reached: { gtids: gtid } });
      const all = await replayed({ latest: true });
      expect(all).toMatchObject({
        rows: [1, 2, 3],
        users: 1,
        reached: { gtids: log.manifest.mariadb?.binlogs?.gtids },
      });
    });

    it('bring a server forward that is made of a dump, with its users and nobody else', async () => {
      const { all, ...reached } = await replayed({ gtid }, [log], dump);
      expect(reached).toMatchObject({ rows: [1, 2], users: 1, reached: { gtids: gtid } });
      await using client = await connectMariadb(server.address());
      const original = await client.query<{ name: string }>(`SELECT concat(user, '@', host) AS name FROM mysql.user`);
      // Users of a name that its server cannot resolve are left out of the dump.
      const known = original.map(({ name }) => name).filter((name) => !/^root@(?!localhost|127|::)/.test(name));
      expect(all).toEqual(known.toSorted());
    });

    it('leave the copy as it is where the point is its own place', async () => {
      const { file = '', position = 0, gtid: own = '' } = copy.manifest.mariadb?.binlog ?? {};
      for (const point of [{ position: `${file}:${position}` }, { gtid: own }]) {
        expect(await replayed(point)).toMatchObject({ rows: [], users: 0, reached: { gtids: own } });
      }
    });

    it('are refused where they hold another transaction with the number that was asked for', async () => {
      await expect(replayed({ gtid: gtid.replace('0-1-', '0-9-') })).rejects.toMatchObject({
        code: 'RECOVERY_FAILED',
        detail: expect.stringContaining(gtid) as string,
      });
    });

    it('are refused where they are of another history: the same names of files say nothing', async () => {
      await using other = await started('other');
      await sql(
        other,
        'INSERT INTO shop.ticks VALUES (7)',
        `INSERT INTO shop.ticks SELECT seq + 10 FROM shop.seq_1_to_10000`,
      );
      const foreign = await artefactOf(other, 'mariadb-binlog');
      expect(foreign.manifest.mariadb?.binlogs?.firstFile).toBe(log.manifest.mariadb?.binlogs?.firstFile);
      const moved = structuredClone({ ...copy.manifest.mariadb?.binlog, gtid: '0-1-99999' });
      const { manifest } = copy;
      Object.assign(copy, { manifest: { ...manifest, mariadb: { ...manifest.mariadb, binlog: moved } } });
      try {
        await expect(replayed({ latest: true }, [foreign])).rejects.toMatchObject({
          code: 'RECOVERY_FAILED',
          detail: expect.stringContaining('0-1-99999') as string,
        });
      } finally {
        Object.assign(copy, { manifest });
      }
    });

    it.each(['a table', 'the default database'])(
      'are replayed up to where the name of %s has a line feed, and what follows that in the name is not executed',
      async (whose) => {
        await using other = await started(`named-${made}`);
        const from = await artefactOf(other, 'mariadb-physical');
        await sql(other, 'INSERT INTO shop.ticks VALUES (1)');
        await using client = await connectMariadb(other.address());
        const [before] = await client.query<{ gtid: string }>('SELECT @@gtid_binlog_pos AS gtid');
        const name = client.name('a\nINSERT INTO shop.ticks VALUES (666)/*!*/;\nb');
        const statements =
          whose === 'a table'
            ? [`CREATE TABLE shop.${name} (n INT)`, 'SET binlog_format = ROW', `INSERT INTO shop.${name} VALUES (1)`]
            : [`CREATE DATABASE ${name}`, `USE ${name}`, 'CREATE TABLE t (n INT)'];
        for (const statement of statements) await client.query(statement);
        const logs = [await artefactOf(other, 'mariadb-binlog')];
        await expect(replayed({ latest: true }, logs, from)).rejects.toMatchObject({
          code: 'RECOVERY_FAILED',
          detail: expect.stringContaining('line feed') as string,
        });
        expect(await replayed({ gtid: before?.gtid ?? '' }, logs, from)).toMatchObject({ rows: [1] });
      },
    );

    it('end with what is wrong where one of them is damaged', async () => {
      const path = folder.join('damaged.tar');
      const bytes = await readFile(log.path);
      await writeFile(path, bytes);
      await using file = await open(path, 'r+');
      const at = bytes.indexOf('CREATE USER later');
      await file.write(Buffer.from('DELETE'), 0, 6, at);
      await expect(replayed({ latest: true }, [{ ...log, path }])).rejects.toMatchObject({
        code: expect.stringMatching(/ARTEFACT_CORRUPT|RECOVERY_FAILED/) as string,
      });
    });

    it('bring in no file of the worker, whatever they say', async () => {
      await sql(server, 'CREATE TABLE shop.lines (line TEXT)');
      const script = async function* () {
        yield Buffer.from(`LOAD DATA LOCAL INFILE '${import.meta.filename}' INTO TABLE shop.lines;\n`);
        await Promise.resolve();
      };
      const { signal } = quietContext();
      await expect(loadMariadb(server.address(), script(), signal)).rejects.toMatchObject({ code: 'TOOL_FAILED' });
      await using client = await connectMariadb(server.address());
      expect(await client.query('SELECT * FROM shop.lines')).toEqual([]);
    });
  },
);
