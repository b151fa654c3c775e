import { connectMariadb, findMariadbTool, type PrivateMariadb } from '@hozen/dbms';
import { RIGHTS_ON_WHAT_IS_GONE } from './mariadb.fixture.js';

export const MYSQL = { flavour: 'mysql' } as const;

export const hasMysql = await findMariadbTool('server', MYSQL).then(
  () => true,
  () => false,
);

export const WITHOUT_MYSQL = 'skipped where there is no MySQL server: name its programs in HOZEN_MYSQL_BIN';

const ODD = '`odd "name\' 倉庫 \\\\ -x`';

/** Types, names and objects of every kind that MySQL has. */
const CONTENT = [
  'CREATE DATABASE shop COLLATE utf8mb4_0900_ai_ci',
  'USE shop',
  `CREATE TABLE shop.kinds (id INT PRIMARY KEY AUTO_INCREMENT, d DECIMAL(20,5), f DOUBLE, t TIMESTAMP(6) NULL, dt DATETIME(3),
     b BLOB, j JSON, e ENUM('a','b'), s SET('x','y'), bits BIT(12), txt LONGTEXT COLLATE utf8mb4_ja_0900_as_cs, c INT CHECK (c < 100),
     g INT AS (c + 1) STORED, v INT AS (c * 2), y YEAR, hidden INT DEFAULT 7 INVISIBLE, p POINT SRID 4326, u BINARY(16) DEFAULT (uuid_to_bin(uuid())),
     KEY by_expression ((lower(e))), KEY out_of_sight (c) INVISIBLE, KEY downwards (d DESC))`,
  `INSERT INTO shop.kinds (d, f, t, dt, b, j, e, s, bits, txt, c, y, hidden, p, u) VALUES
     (1.5, 0.1, '2026-01-02 03:04:05.123456', '2026-01-02 03:04:05.678', x'00ff27225c0a', '{"a": [1, "客", 1.0e20]}', 'a', 'x,y', b'101', 'it''s
\\\\ "quoted" \`name\` 🐬', 7, 2026, 8, ST_GeomFromText('POINT(35.6 139.7)', 4326), x'000102030405060708090a0b0c0d0e0f'),
     (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`,
  'CREATE TABLE shop.many (n INT PRIMARY KEY, filler VARCHAR(200)) PARTITION BY HASH (n) PARTITIONS 4',
  'SET SESSION cte_max_recursion_depth = 100000',
  `INSERT INTO shop.many WITH RECURSIVE seq (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM seq WHERE n < 50000)
     SELECT n, repeat(sha2(n, 224), 3) FROM seq`,
  'ANALYZE TABLE shop.kinds UPDATE HISTOGRAM ON c WITH 4 BUCKETS',
  'CREATE VIEW shop.sums AS SELECT count(*) AS n, sum(n) AS total FROM shop.many',
  'CREATE VIEW shop.hashed AS SELECT md5(filler) AS hash FROM shop.many',
  'CREATE TRIGGER shop.before_kinds BEFORE INSERT ON shop.kinds FOR EACH ROW /* never null */ SET NEW.c = coalesce(NEW.c, 0)',
  'CREATE TRIGGER shop.before_that BEFORE INSERT ON shop.kinds FOR EACH ROW PRECEDES before_kinds SET NEW.c = NEW.c + 1',
  "CREATE PROCEDURE shop.twice(IN n INT) BEGIN\n  -- doesn't add\n  SELECT 2 * n; # ;;\n  /* no\n more */\nEND",
  'CREATE FUNCTION shop.half(n INT) RETURNS INT DETERMINISTIC RETURN n / 2',
  `CREATE EVENT shop.hourly ON SCHEDULE EVERY 1 HOUR STARTS '2026-01-01 00:00:00' DO DELETE FROM shop.many /* none */ WHERE n < 0`,
  `CREATE DATABASE ${ODD} CHARACTER SET latin1`,
  `CREATE TABLE ${ODD}.\`-t \`\`q\`\`\` (\`a b\` INT, \`c"d\` TEXT)`,
  `INSERT INTO ${ODD}.\`-t \`\`q\`\`\` VALUES (1, "x"), (1, "x")`,
  `CREATE EVENT ${ODD}.\`e;;v\` ON SCHEDULE EVERY 1 DAY DO SELECT ";;"`,
  'CREATE DATABASE nothing_in_it',
  'CREATE ROLE clerks, `head "of" \'clerks`@`%`',
  'GRANT SELECT ON shop.kinds TO clerks',
  'GRANT EXECUTE ON PROCEDURE shop.twice TO clerks',
  "CREATE USER clerk@'%' IDENTIFIED BY 'not-so-secret' COMMENT 'one DEFAULT ROLE of them'",
  `GRANT clerks, \`head "of" 'clerks\` TO clerk@'%'`,
  `ALTER USER clerk@'%' DEFAULT ROLE clerks`,
  `CREATE DEFINER = clerk@'%' PROCEDURE shop.of_clerk() SQL SECURITY DEFINER SELECT 1`,
  "CREATE USER local@localhost IDENTIFIED WITH auth_socket AS 'somebody'",
  "CREATE USER backup@localhost IDENTIFIED BY 'se\"cr\\\\et #1'",
  'GRANT ALL ON *.* TO backup@localhost',
  "CREATE USER least@localhost IDENTIFIED BY 'least'",
  'GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, RELOAD, REPLICATION CLIENT ON *.* TO least@localhost',
  "CREATE USER half@localhost IDENTIFIED BY 'half'",
  'GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON *.* TO half@localhost',
  ...RIGHTS_ON_WHAT_IS_GONE,
  'SET GLOBAL partial_revokes = ON',
  "CREATE USER nearly@localhost IDENTIFIED BY 'nearly'",
  'GRANT SELECT ON *.* TO nearly@localhost',
  'REVOKE SELECT ON shop.* FROM nearly@localhost',
];

/** @throws HozenError of the server */
export async function fillMysql(server: PrivateMariadb): Promise<void> {
  await using client = await connectMariadb(server.address());
  // Where this is no component, the function is there anyway.
  await client.query(`INSTALL COMPONENT 'file://component_classic_hashing'`).catch(() => undefined);
  for (const statement of CONTENT) await client.query(statement);
}
