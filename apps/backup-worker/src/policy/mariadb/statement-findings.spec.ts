import { mkdirSync } from 'node:fs';
import { connectMariadb, PrivateMariadb } from '@hozen/dbms';
import { tempDir } from '@hozen/testkit';
import { describe, expect, it } from 'vitest';
import { ArtefactFile } from '../../artefact/artefact-file.js';
import { backUp } from '../../backup.fixture.js';
import { fill, hasMariadb, mariadbJob } from '../../methods/mariadb-logical/mariadb.fixture.js';
import { loadMariadb } from '../../restore/load-mariadb.js';
import { findingsForNewServer, findingsForServer, privilegedAccounts } from './dump-findings.js';
import { isOneStatement } from './one-statement.js';
import { findingsOfStatement } from './statement-findings.js';
import { StatementReader, type DumpStatement } from './statement-reader.js';

const PRIVILEGED = new Set(['root@localhost']);
const BY_ROOT = 'DEFINER=`root`@`localhost`';
const BY_CLERK = 'DEFINER=`clerk`@`%`';

function statementsIn(text: string, size = text.length): DumpStatement[] {
  const found: DumpStatement[] = [];
  const reader = new StatementReader((statement) => found.push(statement));
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
  reader.end();
  return found;
}

function found(text: string, ofAccounts = false, privileged: ReadonlySet<string> | undefined = PRIVILEGED): string[] {
  return statementsIn(text)
    .flatMap((each) => findingsOfStatement(each, { privileged, ofAccounts }))
    .map(({ kind, name }) => `${kind}:${name}`);
}

/** As mariadb-dump writes programs. */
const program = (text: string) => `DELIMITER ;;\n${text} ;;\nDELIMITER ;\n`;

describe('the policy for dumps of MariaDB', () => {
  it.each([
    ["INSTALL SONAME 'evil';", 'plugin:evil'],
    ["INSTALL PLUGIN p SONAME 'evil';", 'plugin:p'],
    ["CREATE FUNCTION sys_exec RETURNS INT SONAME 'udf.so';", 'function-c:sys_exec'],
    ["/*!50003 CREATE AGGREGATE FUNCTION `f` RETURNS REAL SONAME 'x' */;", 'function-c:f'],
    ['GRANT SUPER ON *.* TO `x`@`%`;', 'role:GRANT SUPER ON *.* TO `x`@`%`'],
    ["CREATE USER x IDENTIFIED BY 'y';", 'role:x'],
    ["ALTER USER `root`@`localhost` IDENTIFIED BY '';", 'role:root@localhost'],
    ['INSERT INTO `mysql`.`global_priv` VALUES (1);', 'role:global_priv'],
    ['USE mysql;', 'role:mysql'],
    ['SET GLOBAL general_log = 1;', 'setting:general_log'],
    ['SET @a = 1, @@global . secure_auth = 0;', 'setting:secure_auth'],
    ["LOAD DATA INFILE '/etc/passwd' INTO TABLE t;", "server-file:LOAD DATA INFILE '' INTO TABLE t"],
    ["SELECT 1 INTO OUTFILE '/tmp/x';", "server-file:SELECT 1 INTO OUTFILE ''"],
    ["CREATE TABLE `t` (a INT) DATA DIRECTORY='/x';", 'server-file:TABLE t'],
    ["CREATE TABLE `t` (a INT) ENGINE=FEDERATED CONNECTION='mysql://x';", 'foreign-server:FEDERATED'],
    ["CREATE SERVER far FOREIGN DATA WRAPPER mysql OPTIONS (HOST 'x');", 'foreign-server:far'],
    ["CHANGE MASTER TO MASTER_HOST='x';", 'subscription:CHANGE MASTER'],
    ['system touch /tmp/x;', 'client-command:system touch /tmp/x'],
    ['\\! touch /tmp/x\n;', 'client-command:\\! touch /tmp/x'],
    ['source /etc/passwd\n;', 'client-command:source /etc/passwd'],
    ['DROP TABLE other;', 'statement:TABLE other'],
    ['INSERT INTO `t` VALUES (1), (evil());', 'statement:INSERT INTO `t` VALUES (evil())'],
    ['INSERT INTO `t` SELECT 1;', 'statement:INSERT INTO `t` SELECT 1'],
    ['CREATE TABLE `t` (a INT) AS SELECT 1;', 'statement:TABLE t'],
    ["PREPARE s FROM 'x';", "statement:PREPARE s FROM ''"],
    ["SET @x = 'y';", "statement:SET @x = ''"],
    [
      program(`CREATE ${BY_CLERK} EVENT \`e\` ON SCHEDULE EVERY 1 DAY ON COMPLETION PRESERVE ENABLE DO SELECT 1`),
      'event:e',
    ],
    [program(`CREATE ${BY_ROOT} PROCEDURE \`p\`() SELECT 1`), 'security-definer:PROCEDURE p'],
    [program('CREATE DEFINER=CURRENT_USER PROCEDURE `p`() SELECT 1'), 'security-definer:PROCEDURE p'],
    [program('CREATE PROCEDURE `p`() SELECT 1'), 'security-definer:PROCEDURE p'],
    [
      program(`CREATE ${BY_ROOT} TRIGGER \`t\` BEFORE INSERT ON \`x\` FOR EACH ROW SET NEW.a = 1`),
      'security-definer:TRIGGER t',
    ],
    [
      `CREATE ALGORITHM=MERGE ${BY_ROOT} SQL SECURITY DEFINER VIEW \`v\` AS select 1 AS \`1\`;`,
      'security-definer:VIEW v',
    ],
    [program(`CREATE ${BY_CLERK} PROCEDURE \`p\`() BEGIN GRANT ALL ON *.* TO x; END`), 'role:PROCEDURE p'],
    [program(`CREATE ${BY_CLERK} PROCEDURE \`p\`() SELECT 1; DROP DATABASE x`), 'statement:PROCEDURE p'],
  ])('finds %s', (sql, expected) => {
    expect(found(sql)).toContain(expected);
  });

  it.each([
    [`/*!999999 ' */ DROP TABLE x; /*!999999 ' */;`],
    [`/*!50003 SELECT '*/ DROP TABLE x; /*' */;`],
    [`--'\nDROP TABLE x; -- '\n`],
    ['SELECT 1\nDELIMITER //\n;'],
    ['DELIMITER `\n'],
    ['SET NAMES gbk;'],
    ["SET character_set_client = 'gbk';"],
    ["SET sql_mode = 'ANSI_QUOTES';"],
    ['SET sql_mode = 4;'],
    ["SET sql_mode = concat('NO_BACK', 'SLASH_ESCAPES');"],
    ['SET @saved_x = @@port, sql_mode = @saved_x;'],
    [`SET sql_mode = '${','.repeat(2000)}ANSI_QUOTES';`],
    ['\\C gbk\nUSE `a`;'],
    ['USE `a\nDROP TABLE x;`;'],
    ['CREATE TABLE `a\\` (`b` INT);'],
    ["SELECT 'x"],
    ["SELECT \x01'x';"],
    ["/*+ ' */ USE `a`;"],
  ])('says where it can be misled about the end of something: %j', (sql) => {
    expect(found(sql).join()).toMatch(/ambiguous:/);
  });

  it('lets pass what holds data, whatever it says', () => {
    expect(
      found(
        "INSERT INTO `GRANT ` (`a b`, `c`) VALUES\n(-1.5e-10,'GRANT SUPER; \\'',0x00FF),\n(NULL,_binary 'x',b'1');",
      ),
    ).toEqual([]);
    expect(
      found("CREATE TABLE `t` (`a` int(11) COMMENT 'INSTALL SONAME ''x''' CHECK (`a` > 0)) ENGINE=InnoDB;"),
    ).toEqual([]);
    expect(found(program(`CREATE ${BY_CLERK} PROCEDURE \`p\`() SELECT 'GRANT ALL; DROP'`))).toEqual([]);
    const invoker = `CREATE ${BY_ROOT} PROCEDURE \`p\`(n DECIMAL(10,2)) DETERMINISTIC SQL SECURITY INVOKER SELECT n`;
    expect(found(program(invoker))).toEqual([]);
  });

  it('is not told by a body that the program has the rights of who calls it', () => {
    const body = `CREATE ${BY_ROOT} PROCEDURE \`p\`() CREATE SQL SECURITY INVOKER VIEW v AS SELECT 1`;
    expect(found(program(body))).toEqual(['security-definer:PROCEDURE p']);
  });

  it('takes every definer for one with all rights where it may not see the accounts', () => {
    const text = program(`CREATE ${BY_CLERK} PROCEDURE \`p\`() SELECT 1`);
    expect(found(text)).toEqual([]);
    const [statement = { code: '', strings: [] }] = statementsIn(text);
    expect(findingsOfStatement(statement, { privileged: undefined, ofAccounts: false })).toEqual([
      { kind: 'security-definer', name: 'PROCEDURE p' },
    ]);
  });

  it('finds accounts with rights over the whole server, and no others', () => {
    const accounts = [
      "CREATE USER IF NOT EXISTS `a`@`%` IDENTIFIED BY PASSWORD 'x';",
      'GRANT USAGE ON *.* TO `a`@`%`;',
      'GRANT SELECT, INSERT ON `shop`.* TO `a`@`%`;',
      "GRANT FILE, SUPER ON *.* TO `b`@`%` IDENTIFIED BY PASSWORD 'x';",
      'GRANT USAGE ON *.* TO `c`@`%` WITH GRANT OPTION;',
      'GRANT UPDATE ON `mysql`.`global_priv` TO `d`@`%`;',
    ];
    expect(found(accounts.join('\n'), true)).toEqual(['role:b@%', 'role:c@%', 'role:d@%']);
  });

  it('reads the same in pieces of any size', () => {
    const text = [
      '/*M!999999\\- enable the sandbox mode */ \n/*!40101 SET NAMES utf8mb4 */;',
      "-- it's a comment\nUSE `a``b`;\n\n# another `one\nINSERT INTO `t` VALUES\n(1,'it''s \\' \\\\',-2.5,0xABCDEF),\n(2,'客',NULL,0x);",
      program(`CREATE ${BY_ROOT} PROCEDURE \`p\`() BEGIN /* ' */ SELECT ";;" AS \`;;\`; END`),
    ].join('\n');
    const whole = statementsIn(text);
    expect(whole.map(({ code }) => code.replace(/\s+/g, ' '))).toEqual([
      'SET NAMES utf8mb4',
      'USE `a``b`',
      'INSERT INTO `t` VALUES ()',
      `CREATE ${BY_ROOT} PROCEDURE \`p\`() BEGIN SELECT '' AS \`;;\`; END`,
    ]);
    for (const size of [1, 2, 3, 7, 64, 65]) expect(statementsIn(text, size)).toEqual(whole);
  });

  it('keeps nothing of rows, and of no statement more than a program may have', () => {
    let [longest, unclear] = [0, 0];
    const reader = new StatementReader((statement) => {
      longest = Math.max(longest, statement.code.length);
      if (statement.unclear !== undefined) unclear += 1;
    });
    const large = Buffer.alloc(4_000_000, 'ab');
    for (const [before, after] of [
      ["INSERT INTO `t` VALUES ('", "');"],
      ['INSERT INTO `t` VALUES (0x', ');'],
    ] as const) {
      reader.push(Buffer.from(before));
      reader.push(large);
      reader.push(Buffer.from(after));
    }
    expect([longest, unclear]).toEqual([25, 0]);
    reader.push(large);
    reader.end();
    expect(unclear).toBe(1);
    expect(longest).toBeLessThan(1.1e6);
  });
});

describe('a statement of a program', () => {
  it.each([
    'SELECT 1',
    'BEGIN END',
    'BEGIN SELECT 1; SELECT CASE n WHEN 1 THEN 2 ELSE 3 END; END',
    'own: BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION, NOT FOUND BEGIN ROLLBACK; END; LEAVE own; END own',
    'IF a THEN SET b = 1; ELSEIF c THEN BEGIN END; ELSE SET d = if(a, b, c); END IF',
    'BEGIN x: WHILE a DO IF b THEN LEAVE x; END IF; END WHILE x; REPEAT SET a = repeat(b, 2); UNTIL a END REPEAT; END',
    'BEGIN LOOP SELECT 1; END LOOP; FOR i IN 1..3 DO BEGIN NOT ATOMIC END; END FOR; CASE a WHEN 1 THEN SELECT 1; ELSE BEGIN END; END CASE; END',
    'SELECT t.begin, t.end FROM t',
    'RETURN CASE WHEN a THEN 1 ELSE 2 END',
  ])('is one: %s', (body) => {
    expect(isOneStatement(body)).toBe(true);
  });

  it.each([
    'SELECT 1; SELECT 2',
    'BEGIN END; DROP TABLE x',
    'SELECT 1 AS begin; DROP TABLE x; END',
    'BEGIN SELECT 1 AS begin; END; DROP TABLE x; END',
    'BEGIN DO begin; END; DROP TABLE x; END',
    'BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION SELECT 1 begin; END; DROP TABLE x; END',
    'BEGIN SELECT CASE WHEN 1 THEN begin END; END; DROP TABLE x; END',
    'BEGIN SELECT do begin FROM t; END; DROP TABLE x; END',
    'IF a THEN SELECT 1; END IF; DROP TABLE x',
    'BEGIN SELECT 1;',
  ])('is not one: %s', (body) => {
    expect(isOneStatement(body)).toBe(false);
  });
});

describe.skipIf(!hasMariadb)('on a real server (skipped where there is no mariadbd: install mariadb-server)', () => {
  it('finds nothing in what mariadb-dump writes but what its programs and accounts may do', async () => {
    await using folder = await tempDir();
    await using source = await PrivateMariadb.start({ dataDir: folder.join('data') });
    await fill(source);
    await using client = await connectMariadb(source.address());
    await client.query(`CREATE PROCEDURE shop.blocks(IN n INT) BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; END;
      IF n > 1 THEN SELECT CASE n WHEN 1 THEN 2 ELSE 3 END; END IF; CASE n WHEN 2 THEN SELECT 1; ELSE BEGIN END; END CASE; END`);
    await client.query(`CREATE DEFINER=clerk@'%' PROCEDURE shop.harmless() SELECT 1`);
    const job = mariadbJob(source, folder.path);
    mkdirSync(job.spoolDir, { recursive: true, mode: 0o711 });
    await using file = await ArtefactFile.open(await backUp(job));
    const databases = job.target.kind === 'mariadb' ? ['shop', 'nothing_in_it', 'odd "name\' 倉庫 \\\\ -x'] : [];
    const into = await findingsForServer({ file, databases, accounts: [] }, await privilegedAccounts(client));
    expect(into.map(({ kind, name, where }) => `${kind}:${name} (${where})`).sort()).toEqual([
      'event:e;;v (odd "name\' 倉庫 \\\\ -x)',
      'event:hourly (shop)',
      'security-definer:EVENT e;;v (odd "name\' 倉庫 \\\\ -x)',
      'security-definer:EVENT hourly (shop)',
      'security-definer:FUNCTION half (shop)',
      'security-definer:PROCEDURE blocks (shop)',
      'security-definer:PROCEDURE twice (shop)',
      'security-definer:TRIGGER before_kinds (shop)',
      'security-definer:VIEW sums (shop)',
    ]);
    const whole = await findingsForNewServer(file);
    expect(whole.filter(({ kind }) => kind === 'role').map(({ name }) => name)).toEqual([
      'backup@localhost',
      'half@localhost',
      'root@127.0.0.1',
      'root@::1',
      'root@localhost',
    ]);
    expect(
      whole
        .filter(({ kind }) => kind !== 'role')
        .map(({ kind, name }) => `${kind}:${name}`)
        .sort(),
    ).toEqual(into.map(({ kind, name }) => `${kind}:${name}`).sort());
  }, 60_000);

  it('a client and a server execute what stands behind a program that seems to go on, and it is found', async () => {
    await using folder = await tempDir();
    await using server = await PrivateMariadb.start({ dataDir: folder.join('data') });
    await using client = await connectMariadb(server.address());
    await client.query('CREATE DATABASE shop');
    const script = program(
      `CREATE ${BY_CLERK} PROCEDURE \`shop\`.\`p\`() BEGIN SELECT 1 AS begin; END; CREATE TABLE shop.evil (a INT)`,
    );
    const bytes = async function* () {
      yield Buffer.from(script);
    };
    await loadMariadb(server.address(), bytes(), new AbortController().signal);
    expect(await client.query('SHOW TABLES IN shop')).toHaveLength(1);
    expect(found(script)).toContain('statement:PROCEDURE shop');
  }, 60_000);
});
