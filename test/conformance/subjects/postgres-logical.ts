import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { connect } from '@hozen/dbms';
import { HOSTILE_NAMES, TestPostgres } from '@hozen/testkit';
import { expect } from 'vitest';
import { LARGE_POSTGRES } from '../content/fill-postgres.js';
import { postgresContent } from '../content/postgres.js';
import type { Backups, Subject } from '../subject.js';
import { postgresServer, SETTINGS } from './postgres-server.js';

/** A whole cluster, dumped; restored into another server. */
const LOGICAL: Omit<Subject, 'open'> = {
  method: 'postgres-logical',
  empty: { state: 'completed' },
  broken: { state: 'failed', codes: ['TARGET_CONNECTION_LOST', 'TARGET_UNREACHABLE', 'TARGET_NOT_READY'] },
  large: LARGE_POSTGRES,
};

export const postgresLogical: Subject = {
  ...LOGICAL,
  async open() {
    return { ...(await postgresServer()), config: { method: 'postgres-logical' }, restored: intoAnotherServer };
  },
};

/** Neither psql nor pg_dumpall takes such a name of a database: see docs/guide.md. */
const SAYABLE_NAMES = HOSTILE_NAMES.filter((name) => !name.includes('\n'));

/** The same as one file of text. What Hozen restores of it is what psql makes of it by itself. */
export const postgresLogicalSql: Subject = {
  ...LOGICAL,
  name: 'postgres-logical-sql',
  async open() {
    return {
      ...(await postgresServer(SAYABLE_NAMES)),
      config: { method: 'postgres-logical', format: 'sql' },
      async restored(trial) {
        const byHand = await readByPsql(trial);
        const content = await intoAnotherServer(trial);
        expect(byHand).toEqual(content);
        return content;
      },
    };
  },
};

async function intoAnotherServer(trial: Backups): Promise<string[]> {
  await using other = await TestPostgres.start({ settings: SETTINGS });
  // Whoever reaches its socket is trusted: no second password is needed.
  const { user, port } = other.address();
  const target = { name: 'other', kind: 'postgres', host: other.socketDir, port, user, sslMode: 'disable' };
  await trial.stack.configureBackups({ targets: [target], configs: [] });
  await trial.restore({ config: trial.config, target: 'other', whole: true });
  return await postgresContent((database) => other.client(database));
}

/** As docs/guide.md says, into an empty server. */
async function readByPsql(trial: Backups): Promise<string[]> {
  await using other = await TestPostgres.start({ settings: SETTINGS });
  const { user, port } = other.address();
  await promisify(execFile)('sh', ['-ec', 'zstd -dc "$FILE" | psql -X -q -o /dev/null -d postgres'], {
    env: {
      PATH: process.env['PATH'],
      FILE: await trial.artefact(),
      PGHOST: other.socketDir,
      PGPORT: String(port),
      PGUSER: user,
    },
  });
  // The passwords of the backup count now; the socket asks for none.
  const login = { ...other.address(), host: other.socketDir };
  return await postgresContent((database = 'postgres') => connect({ ...login, database }, { applicationName: 'test' }));
}
