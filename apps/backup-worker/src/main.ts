import { setFlagsFromString } from 'node:v8';
import { startService } from '@hozen/service';
import { BackupWorkerModule } from './backup-worker.module.js';
import { readWorkerSettings, type WorkerSettings } from './settings.js';
import { BackupConfig, BackupTarget } from './store/entities.js';
import { migrations } from './store/migrations.js';

/**
 * V8 lets its heap grow to four times what is in use before it looks for what is not. Most of what passes through here is short-lived:
 * of a database of ten thousand tables that were 150 MB of garbage, and collecting it earlier costs nothing that can be measured.
 */
setFlagsFromString('--heap-growing-percent=20');

let settings: WorkerSettings;

await startService({
  service: 'backup',
  name: 'backup-worker',
  readSettings: (read) => {
    settings = readWorkerSettings(read);
  },
  module: BackupWorkerModule.with(() => settings),
  entities: [BackupTarget, BackupConfig],
  migrations,
});
