import { TestPostgres } from '@hozen/testkit';
import { LARGE_POSTGRES } from '../content/fill-postgres.js';
import { postgresContent } from '../content/postgres.js';
import type { Backups, Subject } from '../subject.js';
import { postgresServer, SETTINGS } from './postgres-server.js';

/** A whole cluster, dumped; restored into another server. */
export const postgresLogical: Subject = {
  method: 'postgres-logical',
  empty: { state: 'completed' },
  broken: { state: 'failed', codes: ['TARGET_CONNECTION_LOST', 'TARGET_UNREACHABLE', 'TARGET_NOT_READY'] },
  large: LARGE_POSTGRES,
  async open() {
    return { ...(await postgresServer()), config: { method: 'postgres-logical' }, restored: intoAnotherServer };
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
