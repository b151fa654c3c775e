import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import { connectMariadb, OptionFile, PrivateMariadb } from '@hozen/dbms';
import { eventually, tempDir, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ArtefactFile } from '../../artefact/artefact-file.js';
import type { ManifestBinlogs } from '../../artefact/manifest.js';
import { backUp, quietContext } from '../../backup.fixture.js';
import type { BackupJob } from '../../job.js';
import type { CommittedArtefact } from '../../storage/committed-artefact.js';
import { checkArtefact } from '../../verification/check-artefact.js';
import { proveBinlog } from '../../verification/prove-binlog.js';
import { BinlogReader, type BinlogGroup } from './binlog-reader.js';
import { BINLOG_STREAM } from './copy-binlogs.js';
import { fill, hasMariadb, mariadbJob } from '../mariadb-logical/mariadb.fixture.js';

const run = promisify(execFile);

describe.skipIf(!hasMariadb)(
  'a copy of the binary log (skipped where there is no mariadbd: install mariadb-server)',
  () => {
    let server: PrivateMariadb;
    let home: TempDir;
    let folder: TempDir;
    let logs: { job: BackupJob; artefact: CommittedArtefact }[];

    beforeAll(async () => {
      home = await tempDir();
      server = await PrivateMariadb.start({
        dataDir: home.join('data'),
        settings: { 'log-bin': 'bin', 'server-id': 1 },
      });
      await fill(server);
    }, 60_000);
    afterAll(async () => {
      await server?.[Symbol.asyncDispose]();
      await home?.[Symbol.asyncDispose]();
    });
    beforeEach(async () => {
      folder = await tempDir();
      logs = [];
    });
    afterEach(() => folder[Symbol.asyncDispose]());

    function jobOf(method: 'mariadb-logical' | 'mariadb-binlog', target: object = {}): BackupJob {
      const job = mariadbJob(server, folder.path, target);
      Object.assign(job.config, { method });
      mkdirSync(job.spoolDir, { recursive: true, mode: 0o711 });
      const level = method === 'mariadb-binlog' ? 'transaction_log' : 'full';
      const startedAt = new Date(Date.UTC(2026, 0, 2, logs.length, method.length));
      return { ...job, runId: crypto.randomUUID(), level, startedAt };
    }

    async function logged(): Promise<{ artefact: CommittedArtefact; binlogs: ManifestBinlogs }> {
      const job = jobOf('mariadb-binlog');
      const last = logs.at(-1);
      const newest = last && { runId: last.job.runId, path: last.artefact.path, chain: 1 };
      const context = quietContext({
        lineage: {
          newest: () => Promise.resolve(newest),
          copyWithoutLog: () => Promise.resolve(undefined),
          choose: () => Promise.resolve(),
        },
      });
      const artefact = await backUp(job, context);
      logs.push({ job, artefact });
      await checkArtefact(job, artefact, quietContext());
      await proveBinlog(job, artefact, quietContext());
      const { binlogs } = artefact.manifest.mariadb ?? {};
      if (!binlogs) throw new Error('it is no binary log');
      return { artefact, binlogs };
    }

    async function sql(...statements: string[]): Promise<void> {
      await using client = await connectMariadb(server.address());
      for (const statement of statements) await client.query(statement);
    }

    it('goes on where the one before ends, whatever was written between, and takes nothing twice', async () => {
      const first = await logged();
      await sql('CREATE TABLE IF NOT EXISTS shop.later (n INT)', 'INSERT INTO shop.later VALUES (1)');
      const second = await logged();
      expect(second.binlogs.gap).toBeUndefined();
      expect(second.binlogs.follows).toBe(first.artefact.manifest.runId);
      expect(numberOf(second.binlogs.firstFile)).toBe(numberOf(first.binlogs.lastFile) + 1);
      expect(second.binlogs.files).toBe(1);
      expect(second.binlogs.upTo > first.binlogs.upTo).toBe(true);
    });

    it('knows which transactions are in it, and when the first and the last of them were', async () => {
      const { binlogs: first } = await logged();
      await sql(
        'CREATE OR REPLACE TABLE shop.known (n INT)',
        'SET gtid_domain_id = 5',
        'INSERT INTO shop.known VALUES (1)',
      );
      await using client = await connectMariadb(server.address());
      const [now] = await client.query<{ gtids: string; at: string }>(
        'SELECT @@gtid_binlog_pos AS gtids, unix_timestamp() AS at',
      );
      const { artefact, binlogs } = await logged();
      expect(binlogs.gtids).toBe(now?.gtids);
      expect(binlogs.gtids).toMatch(/^0-1-\d+,5-1-1$/);
      expect(Math.abs(Date.parse(binlogs.lastTransactionAt ?? '') / 1000 - Number(now?.at))).toBeLessThanOrEqual(2);
      expect(Date.parse(binlogs.beginsAt ?? '')).toBeLessThanOrEqual(Date.parse(first.upTo) + 1000);
      await using file = await ArtefactFile.open(artefact);
      const bytes = await file.readFile(`${BINLOG_STREAM.before}${binlogs.lastFile}${BINLOG_STREAM.after}`);
      const groups = (pieces: Buffer[]) => {
        const found: BinlogGroup[] = [];
        const reader = new BinlogReader((group) => found.push(group));
        for (const piece of pieces) reader.push(piece);
        reader.end();
        return found;
      };
      const whole = groups([bytes]);
      expect(whole.map(({ gtid }) => gtid?.domain)).toEqual([0, 5]);
      expect(groups([...bytes].map((byte) => Buffer.from([byte])))).toEqual(whole);
      expect(() => groups([bytes.subarray(0, -1)])).toThrow('cut off');
      expect(() => groups([bytes.subarray(1)])).toThrow('no binary log');
    });

    it('brings a restored dump forward by its own script, to the last commit', async () => {
      await sql(
        'CREATE OR REPLACE TABLE shop.steps (n INT PRIMARY KEY, filler LONGTEXT)',
        'INSERT INTO shop.steps VALUES (1, "")',
      );
      await logged();
      const dump = await backUp(jobOf('mariadb-logical'));
      // Larger than what is one part in the archive.
      await sql(`INSERT INTO shop.steps VALUES (2, repeat('x', 6000000))`, 'INSERT INTO shop.steps VALUES (3, "")');
      const one = await logged();
      await sql('INSERT INTO shop.steps VALUES (4, "")');
      const two = await logged();

      await using other = await PrivateMariadb.start({ dataDir: folder.join('other') });
      await using options = await OptionFile.write(other.address());
      const script = async (artefact: CommittedArtefact, name: string) => {
        await run('sh', [
          '-c',
          'tar -xOf "$1" --occurrence=1 restore.sh > "$2"',
          'sh',
          artefact.path,
          folder.join(name),
        ]);
        return folder.join(name);
      };
      await run('sh', [await script(dump, 'restore.sh'), dump.path, options.argument]);
      const into = folder.join('binlogs');
      await run('sh', [await script(two.artefact, 'restore-log.sh'), into, one.artefact.path, two.artefact.path]);
      const { file = '', position = 0 } = dump.manifest.mariadb?.binlog ?? {};
      const files = (await readdir(into)).toSorted();
      expect(files).toContain(file);
      await run('sh', [
        '-c',
        `cd "$1" && shift && position=$1 && options=$2 && shift 2 && mariadb-binlog --no-defaults --start-position="$position" "$@" | mariadb "$options" --binary-mode`,
        'sh',
        into,
        String(position),
        options.argument,
        ...files.slice(files.indexOf(file)),
      ]);
      await using client = await connectMariadb(other.address());
      expect(await client.query('SELECT n, length(filler) AS bytes FROM shop.steps ORDER BY n')).toEqual([
        { n: 1, bytes: 0 },
        { n: 2, bytes: 6000000 },
        { n: 3, bytes: 0 },
        { n: 4, bytes: 0 },
      ]);
    }, 60_000);

    it('says what is missing when the server has let files go, or was reset', async () => {
      const first = await logged();
      await sql('FLUSH BINARY LOGS', 'FLUSH BINARY LOGS');
      await using client = await connectMariadb(server.address());
      const kept = (await client.query<{ Log_name: string }>('SHOW BINARY LOGS')).at(-1)?.Log_name ?? '';
      // Not before the session that took the last log has ended there.
      await eventually(async () => {
        await sql(`PURGE BINARY LOGS TO '${kept}'`);
        expect((await client.query('SHOW BINARY LOGS')).length).toBe(1);
      });
      const second = await logged();
      expect(second.binlogs.gap).toMatchObject({ fromFile: first.binlogs.lastFile, toFile: kept });
      expect(second.binlogs.follows).toBeUndefined();
      expect(second.artefact.manifest.warnings).toContainEqual(expect.stringContaining('gap'));
      await sql('RESET MASTER');
      const third = await logged();
      expect(third.binlogs.gap?.reason).toContain('reset');
      const fourth = await logged();
      expect(fourth.binlogs.gap).toBeUndefined();
    });

    it('is found wrong when an event of it is', async () => {
      await sql(`INSERT INTO shop.many SELECT seq + 100000, repeat('a', 100) FROM shop.seq_1_to_20000`);
      const job = jobOf('mariadb-binlog');
      Object.assign(job.config, { compression: 'none' });
      const artefact = await backUp(job);
      await using file = await open(artefact.path, 'r+');
      await file.write(Buffer.from('b'), 0, 1, Math.floor(artefact.bytes / 2));
      await expect(checkArtefact(job, artefact, quietContext())).rejects.toMatchObject({ code: 'ARTEFACT_CORRUPT' });
    });

    it('is not begun without the rights, and leaves nothing in the spool', async () => {
      process.env['HOZEN_TEST_HALF'] = 'half';
      const job = jobOf('mariadb-binlog', { user: 'half', password: 'env:HOZEN_TEST_HALF' });
      await expect(backUp(job)).rejects.toMatchObject({ code: 'TARGET_RIGHTS_MISSING' });
      await logged();
      expect(await readdir(job.spoolDir).catch(() => [])).toEqual([]);
    });
  },
);

function numberOf(name: string): number {
  return Number(name.split('.').at(-1));
}
