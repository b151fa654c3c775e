import { access, rm, writeFile } from 'node:fs/promises';
import { tempDir } from '@hozen/testkit';
import { describe, expect, it } from 'vitest';
import { giveToServer } from '../server/give-to-server.js';
import { connectMariadb } from './connect-mariadb.js';
import { findMariadbTool } from './mariadb-tools.js';
import { PrivateMariadb } from './private-mariadb.js';

const isThere = await findMariadbTool('server').then(
  () => true,
  () => false,
);

describe.skipIf(!isThere)(
  'a private MariaDB server (skipped where there is no mariadbd: install mariadb-server)',
  () => {
    it('leaves the temporary tables of other servers on the machine alone', async () => {
      await using folder = await tempDir();
      const theirs = `/tmp/#sql-temptable-${process.pid}-1-1.MAI`;
      await writeFile(theirs, '');
      await giveToServer(theirs);
      try {
        await using server = await PrivateMariadb.start({ dataDir: folder.join('data') });
        await using client = await connectMariadb(server.address());
        await client.query('SELECT 1');
        await access(theirs);
      } finally {
        await rm(theirs, { force: true });
      }
    });

    it('ends no session of ours for limits that it has for all of them', async () => {
      await using folder = await tempDir();
      const settings = { 'max-statement-time': '0.01', 'wait-timeout': 1 };
      await using server = await PrivateMariadb.start({ dataDir: folder.join('data'), settings });
      await using client = await connectMariadb(server.address());
      expect(await client.query('SELECT sleep(0.1) AS slept, @@wait_timeout AS seconds')).toEqual([
        { slept: 0, seconds: '28800' },
      ]);
    });

    it('reads no file of the machine for what it executes', async () => {
      await using folder = await tempDir();
      await using server = await PrivateMariadb.start({ dataDir: folder.join('data') });
      await using client = await connectMariadb(server.address());
      await client.query('CREATE DATABASE shop');
      await client.query('CREATE TABLE shop.lines (line TEXT)');
      await expect(client.query(`LOAD DATA INFILE '/etc/passwd' INTO TABLE shop.lines`)).rejects.toThrow();
      expect(await client.query(`SELECT load_file('/etc/passwd') AS content`)).toEqual([{ content: null }]);
    });
  },
);
