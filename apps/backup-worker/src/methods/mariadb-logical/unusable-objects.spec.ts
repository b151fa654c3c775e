import { copyFile, mkdir, readdir, stat, chown } from 'node:fs/promises';
import { join } from 'node:path';
import { connectMariadb, PrivateMariadb } from '@hozen/dbms';
import { tempDir } from '@hozen/testkit';
import { describe, expect, it } from 'vitest';
import { ArtefactFile } from '../../artefact/artefact-file.js';
import { backUp, quietContext } from '../../backup.fixture.js';
import { proveMariadb } from '../../verification/prove-mariadb.js';
import { hasMariadb, mariadbJob } from './mariadb.fixture.js';

const CONTENT = [
  'CREATE DATABASE shop',
  'USE shop',
  'CREATE TABLE kept (a INT)',
  'INSERT INTO kept VALUES (7)',
  'CREATE TABLE gone (a INT, b INT)',
  'CREATE FUNCTION gone_too() RETURNS INT DETERMINISTIC RETURN 1',
  "CREATE USER who@'%'",
  "GRANT ALL ON shop.* TO who@'%'",
  'CREATE VIEW good AS SELECT a FROM kept',
  'CREATE VIEW `of a table` AS SELECT a FROM gone',
  'CREATE VIEW of_a_function AS SELECT gone_too() AS a',
  'CREATE VIEW of_a_view AS SELECT a FROM `of a table`',
  "CREATE DEFINER = who@'%' VIEW of_nobody AS SELECT a FROM kept",
  'CREATE TABLE merged_one (a INT, KEY (a)) ENGINE = MyISAM',
  'CREATE TABLE merged (a INT, KEY (a)) ENGINE = MERGE UNION = (merged_one)',
  'CREATE TABLE old (a INT) ENGINE = MyISAM',
  'DROP TABLE gone, merged_one',
  'DROP FUNCTION gone_too',
  "DROP USER who@'%'",
  'FLUSH TABLES',
];

describe.skipIf(!hasMariadb)('what a MariaDB server has and cannot use', () => {
  it('keeps no backup from being made and proven: it is left out and named, and the views can be read in it', async () => {
    await using home = await tempDir();
    await using server = await PrivateMariadb.start({ dataDir: home.join('data') });
    await using client = await connectMariadb(server.address());
    for (const statement of CONTENT) await client.query(statement);
    await client.query("CREATE USER backup@localhost IDENTIFIED BY 'se\"cr\\\\et #1'");
    await client.query('GRANT ALL ON *.* TO backup@localhost');
    await leaveBehind(server.dataDir);
    const job = mariadbJob(server, home.path);
    await mkdir(job.spoolDir, { recursive: true, mode: 0o711 });
    const artefact = await backUp(job);
    await expect(proveMariadb(job, artefact, quietContext())).resolves.toMatchObject({ databases: 1, tables: 2 });
    const warnings = artefact.manifest.warnings.join('\n');
    expect(warnings).toContain(': shop.of a table, shop.of_a_function, shop.of_a_view.');
    expect(warnings).toContain(': shop.merged, shop.#mysql50#odd-name.');
    expect(warnings).toContain(': .ssh, lost+found.');
    await using file = await ArtefactFile.open(artefact);
    const views = (await file.readFile('unusable-views.sql')).toString('utf8');
    expect(views).toContain('VIEW `shop`.`of a table` AS select `shop`.`gone`.`a` AS `a` from `shop`.`gone`;\n');
    expect((await file.readFile('dump.sql')).toString('utf8')).not.toContain('of_a_view');
  });
});

/** Folders that are no databases, one of them nobody's, and a table whose files were copied under a name that is not encoded. */
async function leaveBehind(dataDir: string): Promise<void> {
  await mkdir(join(dataDir, '.ssh'), { mode: 0o700 });
  await mkdir(join(dataDir, 'lost+found'), { mode: 0o700 });
  const shop = join(dataDir, 'shop');
  const { uid, gid } = await stat(shop);
  for (const name of (await readdir(shop)).filter((each) => each.startsWith('old.'))) {
    const copy = join(shop, name.replace('old.', 'odd-name.'));
    await copyFile(join(shop, name), copy);
    await chown(copy, uid, gid);
  }
}
