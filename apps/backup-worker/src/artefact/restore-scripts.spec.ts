import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { FILES_RESTORE_SCRIPT } from '../methods/files/restore-script.js';
import { BINLOG_RESTORE_SCRIPT } from '../methods/mariadb-binlog/restore-script.js';
import { restoreScriptOf } from '../methods/mariadb-logical/restore-script.js';
import { MARIADB_FILES_RESTORE_SCRIPT } from '../methods/mariadb-physical/restore-script.js';
import { PHYSICAL_RESTORE_SCRIPT } from '../methods/postgres-physical/restore-script.js';
import { LOG_RESTORE_SCRIPT } from '../methods/postgres-wal/restore-script.js';
import { RESTORE_SCRIPT } from './restore-script.js';

it.each([
  ['a dump of PostgreSQL', RESTORE_SCRIPT],
  ['files of PostgreSQL', PHYSICAL_RESTORE_SCRIPT],
  ['a log of PostgreSQL', LOG_RESTORE_SCRIPT],
  ['a dump of MariaDB', restoreScriptOf('mariadb')],
  ['files of MariaDB', MARIADB_FILES_RESTORE_SCRIPT],
  ['a log of MariaDB', BINLOG_RESTORE_SCRIPT],
  ['a tree of files', FILES_RESTORE_SCRIPT],
])('restore.sh of %s says how it is called where nothing is given, and nothing else', (_, script) => {
  const { status, stdout, stderr } = spawnSync('sh', ['-s'], { input: script, encoding: 'utf8' });
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(/^restore\.sh: usage: sh restore\.sh .+\n$/);
});
