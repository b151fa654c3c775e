import type { BackupMethod } from '@hozen/contracts';
import type { WantedKind } from '@hozen/dbms';
import { HOSTILE_NAMES } from '@hozen/testkit';
import { fillMariadb, LARGE_MARIADB } from '../content/fill-mariadb.js';
import type { Subject } from '../subject.js';
import { contentOfMariadb, MariadbServer, withoutMariadb } from './mariadb-server.js';

/** A log that has a name with a line feed is replayed up to there: see docs/guide.md. */
const REPLAYABLE_NAMES = HOSTILE_NAMES.filter((name) => !name.includes('\n'));

export const mariadbBinlog = binlog({ flavour: 'mariadb' }, 'mariadb-binlog', 'mariadb-physical');
export const mysqlBinlog = binlog({ flavour: 'mysql' }, 'mysql-binlog', 'mariadb-logical');

/** The binary log of a server since a backup of it: all that is in the source is in the log alone. */
function binlog(kind: WantedKind, subject: string, since: BackupMethod): Subject {
  return {
    method: 'mariadb-binlog',
    name: subject,
    proof: 'checksum',
    empty: { state: 'completed' },
    broken: { state: 'failed', codes: ['TARGET_CONNECTION_LOST', 'TARGET_UNREACHABLE', 'TOOL_FAILED'] },
    large: LARGE_MARIADB,
    missing: () =>
      withoutMariadb(kind, 'server', 'binlog', ...(since === 'mariadb-physical' ? (['backup'] as const) : [])),
    async open() {
      const server = await MariadbServer.start(kind);
      const source = server.source();
      const copy = (config: string) => `${config}-copy`;
      return {
        ...source,
        config: { method: 'mariadb-binlog', level: 'transaction_log' },
        async fill(content) {
          await using client = await server.client();
          await fillMariadb(client, content, REPLAYABLE_NAMES);
        },
        companions: (config) => [{ name: copy(config), method: since, proof: 'checksum' }],
        async begin(trial) {
          await source.fill('empty');
          await using client = await server.client();
          // What other trials have left in the log is not of this one.
          await client.query('FLUSH BINARY LOGS');
          const files = await client.query<{ Log_name: string }>('SHOW BINARY LOGS');
          await client.query('PURGE BINARY LOGS TO ?', [files.at(-1)?.Log_name]);
          // A dump of nothing has no place in the log.
          await client.query('CREATE DATABASE begun');
          await trial.backedUp(60_000, copy(trial.config));
        },
        async restored(trial) {
          const directory = trial.restoreFolder();
          await trial.restore({ config: copy(trial.config), directory, point: { latest: true } });
          return await contentOfMariadb(directory, kind);
        },
      };
    },
  };
}
