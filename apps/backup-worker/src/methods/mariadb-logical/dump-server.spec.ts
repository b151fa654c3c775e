import { execFile } from 'node:child_process';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { HozenError } from '@hozen/contracts';
import { connectMariadb, OptionFile, PrivateMariadb } from '@hozen/dbms';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ArtefactFile } from '../../artefact/artefact-file.js';
import { backUp, quietContext } from '../../backup.fixture.js';
import type { BackupJob } from '../../job.js';
import type { CommittedArtefact } from '../../storage/committed-artefact.js';
import { checkArtefact } from '../../verification/check-artefact.js';
import { fill, hasMariadb, mariadbJob } from './mariadb.fixture.js';
import { differencesOf, type DumpContent } from './dump-content.js';
import { CONTENT as CONTENT_FILE } from './dump-server.js';
import { proveMariadb } from '../../verification/prove-mariadb.js';

const run = promisify(execFile);

describe.skipIf(!hasMariadb)(
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
      await fill(server);
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
      const [twice] = await client.query<{ body: string }>(
        `SELECT routine_definition AS body FROM information_schema.routines WHERE routine_name = 'twice'`,
      );
      expect(twice?.body).toContain("-- doesn't add\n");
      await expect(run('sh', [script, artefact.path, options.argument])).rejects.toThrow('databases already');
    });

    it('leaves out rights on what is gone, says whose they were, and keeps the others', async () => {
      await using client = await connectMariadb(server.address());
      await client.query('CREATE TABLE shop.left (`a, b` INT, kept INT)');
      await client.query("CREATE USER some@localhost IDENTIFIED BY 'some'");
      await client.query('GRANT SELECT (`a, b`, kept), UPDATE (`a, b`), DELETE ON shop.left TO some@localhost');
      await client.query('GRANT CREATE ON shop.to_come TO some@localhost');
      await client.query('ALTER TABLE shop.left DROP COLUMN `a, b`');
      const { artefact } = await made();
      await client.query('DROP TABLE shop.left');
      await client.query('DROP USER some@localhost');
      expect(artefact.manifest.warnings).toContainEqual(expect.stringMatching(/: half@localhost, some@localhost\.$/));
      await using file = await ArtefactFile.open(artefact);
      const users = (await file.readFile('users.sql')).toString('utf8');
      expect(
        users
          .split('\n')
          .filter((line) => /ON `shop`\.`/.test(line))
          .toSorted(),
      ).toEqual([
        'GRANT CREATE ON `shop`.`to_come` TO `some`@`localhost`;',
        'GRANT SELECT (`kept`), DELETE ON `shop`.`left` TO `some`@`localhost`;',
        'GRANT SELECT ON `shop`.`kinds` TO `clerks`;',
      ]);
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
