import { SHARED_TABLES } from '@hozen/persistence';
import { startService } from '@hozen/service';
import { MaintenanceModule } from './maintenance.module.js';
import { MaintenanceTables1763600000100 } from './store/maintenance-tables.migration.js';

await startService({
  service: 'maintenance',
  name: 'maintenance-worker',
  module: MaintenanceModule,
  entities: [],
  migrations: [...SHARED_TABLES, MaintenanceTables1763600000100],
});
