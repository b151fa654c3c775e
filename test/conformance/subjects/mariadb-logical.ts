import { connectMariadb, PrivateMariadb, type WantedKind } from '@hozen/dbms';
import { tempDir } from '@hozen/testkit';
import { LARGE_MARIADB } from '../content/fill-mariadb.js';
import { mariadbContent } from '../content/mariadb.js';
import type { Backups, Subject } from '../subject.js';
import { MariadbServer, withoutMariadb } from './mariadb-server.js';

/** A server, dumped; its databases are restored into another one. */
export const mariadbLogical = logical({ flavour: 'mariadb' }, 'mariadb-logical');
export const mysqlLogical = logical({ flavour: 'mysql' }, 'mysql-logical');

function logical(kind: WantedKind, name: string): Subject {
  return {
    method: 'mariadb-logical',
    name,
    empty: { state: 'completed' },
    broken: { state: 'failed', codes: ['TARGET_CONNECTION_LOST', 'TARGET_UNREACHABLE', 'TOOL_FAILED'] },
    large: LARGE_MARIADB,
    missing: () => withoutMariadb(kind, 'server', 'client', 'dump'),
    async open() {
      const server = await MariadbServer.start(kind);
      const restored = (trial: Backups) => intoAnotherServer(kind, trial);
      return { ...server.source(), config: { method: 'mariadb-logical' }, restored };
    },
  };
}

async function intoAnotherServer(kind: WantedKind, trial: Backups): Promise<string[]> {
  await using folder = await tempDir();
  await using other = await PrivateMariadb.start({ kind, dataDir: folder.join('data') });
  const { host, user } = other.address();
  await trial.stack.configureBackups({ targets: [{ name: 'other', kind: 'mariadb', host, user }], configs: [] });
  const databases = (await trial.databases()).map((each) => ({ name: each }));
  if (databases.length > 0) await trial.restore({ config: trial.config, target: 'other', databases });
  await using client = await connectMariadb(other.address());
  return await mariadbContent(client);
}
