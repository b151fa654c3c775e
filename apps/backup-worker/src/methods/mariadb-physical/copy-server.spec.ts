import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { HozenError, type BackupLevel } from '@hozen/contracts';
import { connectMariadb, findMariadbTool, PrivateMariadb } from '@hozen/dbms';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backUp, quietContext } from '../../backup.fixture.js';
import type { BackupJob, EarlierBackup } from '../../job.js';
import type { CommittedArtefact } from '../../storage/committed-artefact.js';
import { checkArtefact } from '../../verification/check-artefact.js';
import { proveMariadbFiles } from '../../verification/prove-mariadb-files.js';
import { fill, hasMariadb, mariadbJob } from '../mariadb-logical/mariadb.fixture.js';

const run = promisify(execFile);

const hasBackup = await findMariadbTool('backup').then(
  () => true,
  () => false,
);

describe.skipIf(!hasMariadb || !hasBackup)(
  'a copy of the files of a MariaDB server (skipped without mariadb-server and mariadb-backup)',
  () => {
    let server: PrivateMariadb;
    let home: TempDir;
    let folder: TempDir;
    let made: { job: BackupJob; artefact: CommittedArtefact }[];
    let chosen: BackupLevel[];

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
      made = [];
      chosen = [];
    });
    afterEach(() => folder[Symbol.asyncDispose]());

    function jobOf(level: BackupLevel, target: object = {}): BackupJob {
      const job = mariadbJob(server, folder.path, target);
      Object.assign(job.config, { method: 'mariadb-physical', level });
      mkdirSync(job.spoolDir, { recursive: true, mode: 0o711 });
      return { ...job, level, startedAt: new Date(Date.UTC(2026, 0, 2, made.length)) };
    }

    /** With the ones before as its lineage. */
    async function backedUp(level: BackupLevel, change: object = {}): Promise<CommittedArtefact> {
      const job = { ...jobOf(level), runId: crypto.randomUUID() };
      Object.assign(job.config, change);
      const newest = (levels: readonly BackupLevel[]): EarlierBackup | undefined => {
        const found = made.findLast(({ artefact }) => levels.includes(artefact.manifest.level));
        return found && { runId: found.job.runId, path: found.artefact.path, chain: made.length };
      };
      const choose = (as: BackupLevel) => {
        chosen.push(as);
        return Promise.resolve();
      };
      const lineage = {
        newest: (levels: readonly BackupLevel[]) => Promise.resolve(newest(levels)),
        copyWithoutLog: () => Promise.resolve(undefined),
        choose,
      };
      const artefact = await backUp(job, quietContext({ lineage }));
      made.push({ job, artefact });
      return artefact;
    }

    async function prove(artefact: CommittedArtefact) {
      const { job } = made.find((each) => each.artefact === artefact) ?? { job: jobOf('full') };
      mkdirSync(job.spoolDir, { recursive: true, mode: 0o711 });
      await checkArtefact(job, artefact, quietContext());
      const proof = await proveMariadbFiles(job, artefact, quietContext());
      expect(await readdir(job.spoolDir)).toEqual([]);
      return proof;
    }

    async function write(note: string): Promise<void> {
      await using client = await connectMariadb(server.address());
      await client.query('CREATE TABLE IF NOT EXISTS shop.notes (id INT AUTO_INCREMENT PRIMARY KEY, note TEXT)');
      await client.query('INSERT INTO shop.notes (note) VALUES (?)', [note]);
    }

    it('is proven in full, and each increment and differential with what it builds on', async () => {
      await write('in full');
      const full = await backedUp('full');
      expect(await prove(full)).toMatchObject({ level: 'restore', databases: 3 });
      await write('in the first increment');
      const first = await backedUp('incremental');
      await write('in the second');
      const second = await backedUp('incremental');
      const differential = await backedUp('differential');
      expect(chosen).toEqual(['incremental', 'incremental', 'differential']);
      const parentOf = ({ manifest }: CommittedArtefact) => manifest.mariadb?.files?.parent?.runId;
      expect([first, second, differential].map(parentOf)).toEqual(
        [full, first, full].map(({ manifest }) => manifest.runId),
      );
      expect(second.originalBytes).toBeLessThan(full.originalBytes);
      expect(second.manifest.mariadb?.binlog).toMatchObject({ file: expect.stringMatching(/^bin\./) as string });
      for (const each of [second, differential]) {
        expect(await prove(each)).toMatchObject({ level: 'restore', databases: 3 });
      }
    }, 120_000);

    it('is restored by its own script, chain and all, into a folder that is empty, and only in order', async () => {
      await write('first');
      const full = await backedUp('full');
      await write('last of all');
      const increment = await backedUp('incremental');
      const script = folder.join('restore.sh');
      await run('sh', ['-c', 'tar -xOf "$1" --occurrence=1 restore.sh > "$2"', 'sh', increment.path, script]);
      const directory = folder.join('restored');
      await expect(run('sh', [script, directory, increment.path])).rejects.toThrow('does not build on');
      await run('sh', [script, directory, full.path, increment.path]);
      await expect(run('sh', [script, directory, full.path])).rejects.toThrow('is not empty');
      await run('sh', ['-c', 'chown -R --reference="$1" "$2"', 'sh', server.dataDir, directory]);
      await using restored = await PrivateMariadb.start({ dataDir: directory });
      await using client = await connectMariadb(restored.address());
      const [last] = await client.query<{ note: string }>('SELECT note FROM shop.notes ORDER BY id DESC LIMIT 1');
      expect(last).toEqual({ note: 'last of all' });
      expect(await client.query('SELECT n FROM shop.sums')).toEqual([{ n: '50000' }]);
    }, 60_000);

    it('is made in full where there is nothing sound to build on, and says why', async () => {
      const first = await backedUp('incremental');
      expect(first.manifest).toMatchObject({ level: 'full', warnings: [expect.stringContaining('no earlier backup')] });
      const long = await backedUp('incremental', { maxChain: 1 });
      expect(long.manifest).toMatchObject({ level: 'full', warnings: [expect.stringContaining('maxChain')] });
    });

    it('is found wrong when a page of it is', async () => {
      const artefact = await backedUp('full', { compression: 'none' });
      await using file = await open(artefact.path, 'r+');
      await file.write(Buffer.alloc(64, 0xff), 0, 64, Math.floor(artefact.bytes / 2));
      await expect(prove(artefact)).rejects.toMatchObject({ code: 'ARTEFACT_CORRUPT' });
      // Without the sums in between: the pages have their own.
      await expect(proveMariadbFiles(jobOf('full'), artefact, quietContext())).rejects.toMatchObject({
        code: expect.stringMatching(/ARTEFACT_CORRUPT|CONTENT_DIFFERS/) as string,
      });
    });

    it('is not begun without the rights, and says which', async () => {
      const job = jobOf('full', { user: 'half', password: 'env:HOZEN_TEST_HALF' });
      const failure = await backUp(job).catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: 'TARGET_RIGHTS_MISSING' });
      expect((failure as HozenError).detail).toContain('GRANT RELOAD');
    });

    it('is not made of a server that may be elsewhere: over the network nobody knows whose files are read', async () => {
      const job = jobOf('full', { host: '127.0.0.1' });
      await expect(backUp(job)).rejects.toMatchObject({ code: 'TARGET_UNSUITABLE', params: { setting: 'host' } });
    });

    it('stops when it is cancelled, and leaves nothing', async () => {
      const job = jobOf('full');
      const cancelled = new AbortController();
      const context = quietContext({
        signal: cancelled.signal,
        progress: ({ phase, bytes = 0 }) => {
          if (phase === 'dumping' && bytes > 1e6) cancelled.abort(new HozenError('CANCELLED'));
        },
      });
      await expect(backUp(job, context)).rejects.toMatchObject({ code: 'CANCELLED' });
      expect(await readdir(join(folder.path, 'storage', 'manual'))).toEqual([]);
      expect(await readdir(job.spoolDir).catch(() => [])).toEqual([]);
    });
  },
);
