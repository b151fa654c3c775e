import { connectMariadb, findMariadbTool, type PrivateMariadb } from '@hozen/dbms';
import { aJob } from '../../job.fixture.js';
import type { BackupJob } from '../../job.js';

/** Whether this machine has a MariaDB server. */
export const hasMariadb = await findMariadbTool('server').then(
  () => true,
  () => false,
);

const PASSWORD = 'se"cr\\et #1';

/** They stay with whoever has them. */
export const RIGHTS_ON_WHAT_IS_GONE = [
  'CREATE TABLE shop.gone (n INT)',
  'CREATE PROCEDURE shop.gone_too() SELECT 1',
  'GRANT SELECT, UPDATE (n) ON shop.gone TO half@localhost',
  'GRANT EXECUTE ON PROCEDURE shop.gone_too TO half@localhost',
  'DROP TABLE shop.gone',
  'DROP PROCEDURE shop.gone_too',
];

/** Types, names and objects of every kind. */
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
  'CREATE TRIGGER shop.before_kinds BEFORE INSERT ON shop.kinds FOR EACH ROW /* never null */ SET NEW.c = coalesce(NEW.c, 0)',
  "CREATE PROCEDURE shop.twice(IN n INT) BEGIN\n  -- doesn't add\n  SELECT 2 * n; # ;;\n  /* no\n more */\nEND",
  'CREATE FUNCTION shop.half(n INT) RETURNS INT DETERMINISTIC RETURN n / 2',
  'CREATE SEQUENCE shop.numbers START WITH 5 INCREMENT BY 3',
  'SELECT nextval(shop.numbers)',
  `CREATE EVENT shop.hourly ON SCHEDULE EVERY 1 HOUR STARTS '2026-01-01 00:00:00' DO DELETE FROM shop.many /* none */ WHERE n < 0`,
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
  ...RIGHTS_ON_WHAT_IS_GONE,
];

/** @throws HozenError of the server */
export async function fill(server: PrivateMariadb): Promise<void> {
  await using client = await connectMariadb(server.address());
  for (const statement of CONTENT) await client.query(statement);
}

/** A job that dumps the server as the user `backup` into `folder`. */
export function mariadbJob(server: PrivateMariadb, folder: string, target: object = {}): BackupJob {
  const job = aJob(folder);
  const { host } = server.address();
  process.env['HOZEN_TEST_MARIADB'] = PASSWORD;
  const password = 'env:HOZEN_TEST_MARIADB';
  Object.assign(job.target, { kind: 'mariadb', host, port: 3306, user: 'backup', password, ...target });
  Object.assign(job.config, { method: 'mariadb-logical', compression: 'zstd' });
  return job;
}
