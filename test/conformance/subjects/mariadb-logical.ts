import { connectMariadb, PrivateMariadb } from '@hozen/dbms';
import { tempDir } from '@hozen/testkit';
import { LARGE_MARIADB } from '../content/fill-mariadb.js';
import { mariadbContent } from '../content/mariadb.js';
import type { Backups, Subject } from '../subject.js';
import { MariadbServer, withoutMariadb } from './mariadb-server.js';

/** A server, dumped; its databases are restored into another one. */
export const mariadbLogical: Subject = {
  method: 'mariadb-logical',
  empty: { state: 'completed' },
  broken: { state: 'failed', codes: ['TARGET_CONNECTION_LOST', 'TARGET_UNREACHABLE', 'TOOL_FAILED'] },
  large: LARGE_MARIADB,
  missing: () => withoutMariadb('server', 'client', 'dump'),
  async open() {
    const server = await MariadbServer.start();
    return { ...server.source(), config: { method: 'mariadb-logical' }, restored: intoAnotherServer };
  },
};

async function intoAnotherServer(trial: Backups): Promise<string[]> {
  await using folder = await tempDir();
  await using other = await PrivateMariadb.start({ dataDir: folder.join('data') });
  const { host, user } = other.address();
  await trial.stack.configureBackups({ targets: [{ name: 'other', kind: 'mariadb', host, user }], configs: [] });
  const databases = (await trial.databases()).map((name) => ({ name }));
  if (databases.length > 0) await trial.restore({ config: trial.config, target: 'other', databases });
  await using client = await connectMariadb(other.address());
  return await mariadbContent(client);
}
