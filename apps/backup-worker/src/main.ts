import { startService } from '@hozen/service';
import { BackupWorkerModule } from './backup-worker.module.js';
import { readWorkerSettings, type WorkerSettings } from './settings.js';
import { BackupConfig, BackupTarget } from './store/entities.js';
import { migrations } from './store/migrations.js';

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
