import { LARGE_MARIADB } from '../content/fill-mariadb.js';
import type { Subject } from '../subject.js';
import { contentOfMariadb, MariadbServer, withoutMariadb } from './mariadb-server.js';

/** The files of a server; restored into a new folder, on which a server is started. */
export const mariadbPhysical: Subject = {
  method: 'mariadb-physical',
  empty: { state: 'completed' },
  broken: { state: 'failed', codes: ['TARGET_CONNECTION_LOST', 'TARGET_UNREACHABLE', 'TOOL_FAILED'] },
  large: LARGE_MARIADB,
  missing: () => withoutMariadb({ flavour: 'mariadb' }, 'server', 'backup'),
  async open() {
    const server = await MariadbServer.start();
    return {
      ...server.source(),
      config: { method: 'mariadb-physical' },
      async restored(trial) {
        const directory = trial.restoreFolder();
        await trial.restore({ config: trial.config, directory });
        return await contentOfMariadb(directory);
      },
    };
  },
};
