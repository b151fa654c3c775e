import { HOSTILE_NAMES } from '@hozen/testkit';
import { fillMariadb, LARGE_MARIADB } from '../content/fill-mariadb.js';
import type { Subject } from '../subject.js';
import { contentOfMariadb, MariadbServer, withoutMariadb } from './mariadb-server.js';

/** A log that has a name with a line feed is replayed up to there: see docs/guide.md. */
const REPLAYABLE_NAMES = HOSTILE_NAMES.filter((name) => !name.includes('\n'));

/** The binary log of a server since a copy of its files: all that is in the source is in the log alone. */
export const mariadbBinlog: Subject = {
  method: 'mariadb-binlog',
  proof: 'checksum',
  empty: { state: 'completed' },
  broken: { state: 'failed', codes: ['TARGET_CONNECTION_LOST', 'TARGET_UNREACHABLE', 'TOOL_FAILED'] },
  large: LARGE_MARIADB,
  missing: () => withoutMariadb({ flavour: 'mariadb' }, 'server', 'backup', 'binlog'),
  async open() {
    const server = await MariadbServer.start();
    const source = server.source();
    const copy = (config: string) => `${config}-copy`;
    return {
      ...source,
      config: { method: 'mariadb-binlog', level: 'transaction_log' },
      async fill(content) {
        await using client = await server.client();
        await fillMariadb(client, content, REPLAYABLE_NAMES);
      },
      companions: (config) => [{ name: copy(config), method: 'mariadb-physical', proof: 'checksum' }],
      async begin(trial) {
        await source.fill('empty');
        await trial.backedUp(60_000, copy(trial.config));
      },
      async restored(trial) {
        const directory = trial.restoreFolder();
        await trial.restore({ config: copy(trial.config), directory, point: { latest: true } });
        return await contentOfMariadb(directory);
      },
    };
  },
};
