import { LARGE_POSTGRES } from '../content/fill-postgres.js';
import type { Subject } from '../subject.js';
import { contentOfPostgres, postgresServer } from './postgres-server.js';

/** The files of a cluster; restored into a new folder, on which a server is started. */
export const postgresPhysical: Subject = {
  method: 'postgres-physical',
  empty: { state: 'completed' },
  broken: { state: 'failed', codes: ['TARGET_CONNECTION_LOST', 'TARGET_UNREACHABLE', 'TARGET_NOT_READY'] },
  large: LARGE_POSTGRES,
  async open() {
    return {
      ...(await postgresServer()),
      config: { method: 'postgres-physical' },
      besides: ['.backup_manifest'],
      async restored(trial) {
        const directory = trial.restoreFolder();
        await trial.restore({ config: trial.config, directory });
        return await contentOfPostgres(directory);
      },
    };
  },
};
