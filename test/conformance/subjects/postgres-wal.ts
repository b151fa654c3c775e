import { LARGE_POSTGRES } from '../content/fill-postgres.js';
import type { Subject } from '../subject.js';
import { contentOfPostgres, postgresServer } from './postgres-server.js';

/** The WAL of a cluster since a copy of its files: all that is in the source is in the log alone. */
export const postgresWal: Subject = {
  method: 'postgres-wal',
  proof: 'checksum',
  empty: { state: 'completed' },
  broken: { state: 'failed', codes: ['TARGET_CONNECTION_LOST', 'TARGET_UNREACHABLE', 'TARGET_NOT_READY'] },
  large: LARGE_POSTGRES,
  async open() {
    const server = await postgresServer();
    const copy = (config: string) => `${config}-copy`;
    return {
      ...server,
      config: { method: 'postgres-wal', level: 'transaction_log' },
      companions: (config) => [{ name: copy(config), method: 'postgres-physical', proof: 'checksum' }],
      async begin(trial) {
        await server.fill('empty');
        await trial.backedUp();
        await trial.backedUp(60_000, copy(trial.config));
      },
      async restored(trial) {
        const directory = trial.restoreFolder();
        await trial.restore({ config: copy(trial.config), directory, point: { latest: true } });
        return await contentOfPostgres(directory);
      },
    };
  },
};
