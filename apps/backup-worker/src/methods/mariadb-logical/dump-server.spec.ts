import { execFile } from 'node:child_process';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { HozenError } from '@hozen/contracts';
import { connectMariadb, findMariadbTool, OptionFile, PrivateMariadb } from '@hozen/dbms';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ArtefactFile } from '../../artefact/artefact-file.js';
import { backUp, quietContext } from '../../backup.fixture.js';
import { aJob } from '../../job.fixture.js';
import type { BackupJob } from '../../job.js';
import type { CommittedArtefact } from '../../storage/committed-artefact.js';
import { checkArtefact } from '../../verification/check-artefact.js';
import { differencesOf, type DumpContent } from './dump-content.js';
import { CONTENT as CONTENT_FILE } from './dump-server.js';
import { proveMariadb } from '../../verification/prove-mariadb.js';

const run = promisify(execFile);

const isThere = await findMariadbTool('server').then(
  () => true,
  () => false,
);

const CONTENT = [
  'CREATE DATABASE shop CHARACTER SET utf8mb4',
  'USE shop',
  `CREATE TABLE shop.kinds (id INT PRIMARY KEY AUTO_INCREMENT, d DECIMAL(20,5), f DOUBLE, t TIMESTAMP(6) NULL, dt DATETIME(3),
     b BLOB, j JSON, e ENUM('a','b'), s SET('x','y'), bits BIT(12), txt LONGTEXT, c INT, g INT AS (c + 1) STORED, y YEAR, u UUID)`,
  `INSERT INTO shop.kinds (d, f, t, dt, b, j, e, s, bits, txt, c, y, u) VALUES
     (1.5, 0.1, '2026-01-02 03:04:05.123456', '2026-01-02 03:04:05.678', x'00ff27225c0a', '{"a": [1, "客"]}', 'a', 'x,y', b'101', 'it''s
\\\\ "quoted" \`name\`', 7, 2026, '123e4567-e89b-12d3-a456-426655440000'),
     (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`,
  `CREATE TABLE shop.many (n INT PRIMARY KEY, filler VARCHAR(200)) PARTITION BY HASH (n) PARTITIONS 4`,
  `INSERT INTO shop.many SELECT seq, repeat(md5(seq), 4) FROM seq_1_to_50000`,
  'CREATE VIEW shop.sums AS SELECT count(*) AS n, sum(n) AS total FROM shop.many',
  'CREATE TRIGGER shop.before_kinds BEFORE INSERT ON shop.kinds FOR EACH ROW SET NEW.c = coalesce(NEW.c, 0)',
  'CREATE PROCEDURE shop.twice(IN n INT) SELECT 2 * n',
  'CREATE FUNCTION shop.half(n INT) RETURNS INT DETERMINISTIC RETURN n / 2',
  'CREATE SEQUENCE shop.numbers START WITH 5 INCREMENT BY 3',
  'SELECT nextval(shop.numbers)',
  `CREATE EVENT shop.hourly ON SCHEDULE EVERY 1 HOUR STARTS '2026-01-01 00:00:00' DO DELETE FROM shop.many WHERE n < 0`,
  'CREATE DATABASE `odd "name\' 倉庫 \\\\ -x` CHARACTER SET latin1',
  'CREATE TABLE `odd "name\' 倉庫 \\\\ -x`.`-t ``q``` (`a b` INT, `c"d` TEXT)',
  'INSERT INTO `odd "name\' 倉庫 \\\\ -x`.`-t ``q``` VALUES (1, "x"), (1, "x")',
  'CREATE EVENT `odd "name\' 倉庫 \\\\ -x`.`e;;v` ON SCHEDULE EVERY 1 DAY DO SELECT ";;"',
  'CREATE DATABASE nothing_in_it',
  'CREATE ROLE clerks',
  'GRANT SELECT ON shop.kinds TO clerks',
  "CREATE USER clerk@'%' IDENTIFIED BY 'not-so-secret'",
  "GRANT clerks TO clerk@'%'",
  "CREATE USER backup@localhost IDENTIFIED BY 'se\"cr\\\\et #1'",
  'GRANT ALL ON *.* TO backup@localhost',
  "CREATE USER half@localhost IDENTIFIED BY 'half'",
  'GRANT SELECT ON *.* TO half@localhost',
];

describe.skipIf(!isThere)(
  'a dump of a MariaDB server (skipped where there is no mariadbd: install mariadb-server)',
  () => {
    let server: PrivateMariadb;
    let home: TempDir;
    let folder: TempDir;

    beforeAll(async () => {
      home = await tempDir();
      server = await PrivateMariadb.start({
        dataDir: home.join('data'),
        settings: { 'log-bin': 'bin', 'server-id': 1 },
      });
      await using client = await connectMariadb(server.address());
      for (const statement of CONTENT) await client.query(statement);
      process.env['HOZEN_TEST_MARIADB'] = 'se"cr\\et #1';
      process.env['HOZEN_TEST_HALF'] = 'half';
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
      const job = aJob(folder.path);
      const { host } = server.address();
      const password = 'env:HOZEN_TEST_MARIADB';
      Object.assign(job.target, { kind: 'mariadb', host, port: 3306, user: 'backup', password, ...change });
      Object.assign(job.config, { method: 'mariadb-logical', compression: 'zstd' });
      return job;
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
      expect(manifest.mariadb?.binlog).toMatchObject({ position: expect.any(Number) as number });
      expect(manifest.postgres).toBeUndefined();
      expect(JSON.stringify(manifest)).not.toContain('se"cr');
      expect(await readdir(job.spoolDir)).toEqual([]);
    });

    it('is restored by its own script into an empty server, and only there', async () => {
      const { artefact } = await made();
      await using other = await PrivateMariadb.start({ dataDir: folder.join('other') });
      await using options = await OptionFile.write(other.address());
      const script = folder.join('restore.sh');
      await run('sh', ['-c', 'tar -xOf "$1" --occurrence=1 restore.sh > "$2"', 'sh', artefact.path, script]);
      await run('sh', [script, artefact.path, options.argument]);
      await using client = await connectMariadb(other.address());
      const [sums] = await client.query<{ n: string; total: string }>('SELECT * FROM shop.sums');
      expect(sums).toEqual({ n: '50000', total: '1250025000' });
      expect(await client.query('SELECT event_name AS name FROM information_schema.events ORDER BY 1')).toHaveLength(2);
      expect(await client.query("SHOW GRANTS FOR clerk@'%'")).toHaveLength(2);
      await expect(run('sh', [script, artefact.path, options.argument])).rejects.toThrow('databases already');
    });

    it('has other content when one row is another, and says of which table', async () => {
      const contentOf = async ({ artefact }: { artefact: CommittedArtefact }) => {
        await using file = await ArtefactFile.open(artefact);
        return JSON.parse((await file.readFile(CONTENT_FILE)).toString('utf8')) as DumpContent;
      };
      const before = await contentOf(await made());
      await using client = await connectMariadb(server.address());
      await client.query('UPDATE shop.many SET filler = "changed" WHERE n = 77');
      const after = await contentOf(await made({ ...jobFor(), startedAt: new Date('2026-01-02T03:04:07Z') }));
      await client.query('UPDATE shop.many SET filler = repeat(md5(77), 4) WHERE n = 77');
      expect(differencesOf(before, after)).toEqual(['shop.many']);
    });

    it('is found wrong when a byte of it is', async () => {
      const { job, artefact } = await made();
      await using file = await open(artefact.path, 'r+');
      await file.write(Buffer.from([0xff, 0x00, 0xff]), 0, 3, Math.floor(artefact.bytes / 2));
      await expect(checkArtefact(job, artefact, quietContext())).rejects.toMatchObject({ code: 'ARTEFACT_CORRUPT' });
    });

    it.each([
      ['a wrong password', { password: 'env:HOZEN_TEST_HALF' }, 'TARGET_AUTH_FAILED'],
      ['no server', { host: '/nowhere/mariadb.sock' }, 'TARGET_UNREACHABLE'],
      ['too few rights', { user: 'half', password: 'env:HOZEN_TEST_HALF' }, 'TARGET_RIGHTS_MISSING'],
    ])('is not begun with %s, and says what is missing', async (_what, change, code) => {
      const failure = await made(jobFor(change)).catch((error: unknown) => error);
      expect(failure).toMatchObject({ code });
      expect((failure as HozenError).message).not.toContain('se"cr');
      if (code === 'TARGET_RIGHTS_MISSING') expect((failure as HozenError).detail).toContain('GRANT SHOW VIEW');
    });

    it('stops when it is cancelled, and leaves nothing', async () => {
      const job = jobFor();
      await run('mkdir', ['-p', job.spoolDir]);
      const cancelled = new AbortController();
      const context = quietContext({
        signal: cancelled.signal,
        progress: ({ phase, bytes = 0 }) => {
          if (phase === 'dumping' && bytes > 1e6) cancelled.abort(new HozenError('CANCELLED'));
        },
      });
      await expect(backUp(job, context)).rejects.toMatchObject({ code: 'CANCELLED' });
      expect(await readdir(join(folder.path, 'storage', 'manual'))).toEqual([]);
    });
  },
);
