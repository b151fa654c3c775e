import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { DumpContentReader, differencesOf, type DumpContent } from './dump-content.js';

const ROWS = ["INSERT INTO `one` VALUES\n(1,'a;'),\n(2,'b\\n;');\n", "INSERT INTO `one` VALUES\n(3,'c');\n"];

function dumpOf(
  rows: readonly string[] = ROWS,
  definition = 'CREATE TABLE `one` (\n  `n` int,\n  `t` text\n);',
): string {
  return [
    "-- CHANGE MASTER TO MASTER_LOG_FILE='bin.000007', MASTER_LOG_POS=4711;\n",
    'CREATE DATABASE /*!32312 IF NOT EXISTS*/ `sh``op`;\n\nUSE `sh``op`;\n',
    `${definition}\n`,
    'LOCK TABLES `one` WRITE;\n',
    ...rows,
    'UNLOCK TABLES;\n',
    'LOCK TABLES `empty` WRITE;\nUNLOCK TABLES;\n',
    'DELIMITER ;;\nCREATE PROCEDURE `p`()\nBEGIN\nINSERT INTO `one` VALUES\n(4,1);\nUSE `x`;\nEND ;;\nDELIMITER ;\n',
    "-- SET GLOBAL gtid_slave_pos='0-1-25';\n",
    '/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;\n',
  ].join('');
}

function contentOf(dump: string, pieceBytes = dump.length): DumpContent {
  const reader = new DumpContentReader();
  const bytes = Buffer.from(dump);
  for (let at = 0; at < bytes.length; at += pieceBytes) reader.push(bytes.subarray(at, at + pieceBytes));
  return reader.end();
}

describe('the reader of what mariadb-dump writes', () => {
  it('tells rows from definitions, empty tables too, and takes what routines insert for no rows', () => {
    const sha256 = createHash('sha256').update(ROWS.join('')).digest('hex');
    const content = contentOf(dumpOf());
    expect(content.tables).toEqual([
      { database: 'sh`op', table: 'one', bytes: ROWS.join('').length, sha256 },
      { database: 'sh`op', table: 'empty', bytes: 0, sha256: createHash('sha256').digest('hex') },
    ]);
    expect(content.definitions.map(({ database }) => database)).toEqual(['sh`op', '']);
    expect(content.binlog).toEqual({ file: 'bin.000007', position: 4711, gtid: '0-1-25' });
  });

  it.each([1, 2, 3, 7, 64])('reads the same in pieces of %i bytes', (pieceBytes) => {
    expect(contentOf(dumpOf(), pieceBytes)).toEqual(contentOf(dumpOf()));
  });

  it.each([1, 5, 1000])(
    'knows a database and a table whose names have line feeds (pieces of %i bytes)',
    (pieceBytes) => {
      const named = (database: string, table: string) =>
        `CREATE DATABASE /*!32312 IF NOT EXISTS*/ \`${database}\`;\n\nUSE \`${database}\`;\n` +
        `LOCK TABLES \`${table}\` WRITE;\nINSERT INTO \`${table}\` VALUES\n('a\`b');\nUNLOCK TABLES;\n`;
      const dump = `${named('first', 'one')}${named('new\nline\n', ';\nt\n')}/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;\n`;
      const { tables, definitions } = contentOf(dump, pieceBytes);
      expect(tables.map(({ database, table }) => [database, table])).toEqual([
        ['first', 'one'],
        ['new\nline\n', ';\nt\n'],
      ]);
      expect(definitions.map(({ database }) => database)).toEqual(['first', 'new\nline\n', '']);
    },
  );

  it('reads rows on the line of their statement, and lines longer than what it keeps of them', () => {
    const long = `INSERT INTO \`one\` VALUES (1,'${'x'.repeat(5000)};');\n`;
    for (const pieceBytes of [1, 641, 100_000]) {
      const { tables } = contentOf(dumpOf([long, 'INSERT INTO `one` VALUES (1);\n']), pieceBytes);
      expect(tables[0]).toMatchObject({ bytes: long.length + 30 });
    }
  });

  it('names the table whose rows differ, the database whose definitions do, and what is missing', () => {
    const expected = contentOf(dumpOf());
    expect(differencesOf(expected, contentOf(dumpOf([ROWS[0] ?? ''])))).toEqual(['sh`op.one']);
    expect(differencesOf(expected, contentOf(dumpOf(ROWS, 'CREATE TABLE `one` (`n` bigint);')))).toEqual([
      'definitions of sh`op',
    ]);
    expect(differencesOf(expected, { ...expected, tables: expected.tables.slice(1) })).toEqual(['sh`op.one']);
  });

  it('knows a dump that is cut off, wherever', () => {
    const dump = dumpOf();
    for (let length = 0; length < dump.length - 1; length += 1) {
      expect(() => contentOf(dump.slice(0, length), 1000)).toThrow('cut off');
    }
  });
});
