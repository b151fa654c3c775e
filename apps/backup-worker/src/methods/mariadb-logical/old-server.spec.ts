import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import { connectMariadb, OptionFile, PrivateMariadb } from '@hozen/dbms';
import { tempDir } from '@hozen/testkit';
import { describe, expect, it } from 'vitest';
import { backUp, quietContext } from '../../backup.fixture.js';
import { proveMariadb } from '../../verification/prove-mariadb.js';
import { hasMariadb, mariadbJob } from './mariadb.fixture.js';

const run = promisify(execFile);

const ACCOUNTS = [
  'CREATE DATABASE shop',
  'USE shop',
  "CREATE USER app@'%' IDENTIFIED BY 'x'",
  "GRANT SELECT, SHOW VIEW ON shop.* TO app@'%'",
  'CREATE ROLE keeper',
  'GRANT keeper TO root@localhost',
  'CREATE TABLE kept (a INT)',
  "CREATE DEFINER = app@'%' VIEW of_app AS SELECT a FROM kept",
  'CREATE VIEW of_that AS SELECT a FROM of_app',
  'CREATE DEFINER = keeper PROCEDURE of_keeper() SELECT 1',
  'CREATE DEFINER = keeper TRIGGER by_keeper BEFORE INSERT ON kept FOR EACH ROW SET NEW.a = 1',
];

const ROWS = [
  'CREATE TABLE dates (d DATE, t DATETIME)',
  "SET sql_mode = 'ALLOW_INVALID_DATES'",
  "INSERT INTO dates VALUES ('2010-02-31', '2010-00-00 10:00:00'), ('0000-00-00', '2011-11-31 00:00:00')",
  'CREATE TABLE checked (a INT CHECK (a > 0))',
  'SET check_constraint_checks = 0',
  'INSERT INTO checked VALUES (-1)',
];

const ENGINES = [
  'CREATE TABLE archived (a INT) ENGINE = ARCHIVE',
  'INSERT INTO archived VALUES (9)',
  'CREATE TABLE nowhere (a INT) ENGINE = BLACKHOLE',
];

const VERSIONED = [
  'CREATE TABLE aged (a INT) WITH SYSTEM VERSIONING',
  'INSERT INTO aged VALUES (1)',
  'UPDATE aged SET a = 2',
];

const PLUGINS = { 'plugin-load-add': 'ha_archive.so;ha_blackhole.so' };

describe.skipIf(!hasMariadb)('a dump of a MariaDB server that has been in use for long', () => {
  it('is proven and restored: views on views of others, roles that define, impossible dates, rows that no CHECK lets in, engines of plugins', async () => {
    await using home = await tempDir();
    await using server = await PrivateMariadb.start({ dataDir: home.join('data'), settings: PLUGINS });
    await using client = await connectMariadb(server.address());
    for (const statement of [...ACCOUNTS, ...ROWS, ...ENGINES, ...VERSIONED]) await client.query(statement);
    await client.query("CREATE USER backup@localhost IDENTIFIED BY 'se\"cr\\\\et #1'");
    await client.query('GRANT ALL ON *.* TO backup@localhost');
    const job = mariadbJob(server, home.path);
    await mkdir(job.spoolDir, { recursive: true, mode: 0o711 });
    const artefact = await backUp(job);
    await expect(proveMariadb(job, artefact, quietContext())).resolves.toMatchObject({ databases: 1, tables: 6 });
    expect(artefact.manifest.databases).toMatchObject([{ name: 'shop', tables: 6 }]);
    expect(artefact.manifest.warnings).toContainEqual(expect.stringMatching(/not in a dump.*: shop\.aged\.$/));
    await using other = await PrivateMariadb.start({ dataDir: home.join('other'), settings: PLUGINS });
    await using options = await OptionFile.write(other.address());
    const script = home.join('restore.sh');
    await run('sh', ['-c', 'tar -xOf "$1" --occurrence=1 restore.sh > "$2"', 'sh', artefact.path, script]);
    await run('sh', [script, artefact.path, options.argument]);
    await using restored = await connectMariadb(other.address());
    for (const sql of [
      'SELECT * FROM shop.dates ORDER BY 1',
      'SELECT * FROM shop.checked',
      'SHOW CREATE TABLE shop.archived',
      'SELECT * FROM shop.of_that',
      'SELECT * FROM shop.aged',
      'SELECT routine_name AS name, definer AS definer FROM information_schema.routines WHERE routine_schema = "shop"',
      'SELECT trigger_name AS name, definer AS definer FROM information_schema.triggers WHERE trigger_schema = "shop"',
    ]) {
      expect(await restored.query(sql)).toEqual(await client.query(sql));
    }
  });
});
