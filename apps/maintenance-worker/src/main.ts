import { SharedTables } from '@hozen/persistence';
import { startService } from '@hozen/service';
import { MaintenanceModule } from './maintenance.module.js';
import { MaintenanceTables1763600000100 } from './store/maintenance-tables.migration.js';

await startService({
  service: 'maintenance',
  name: 'maintenance-worker',
  module: MaintenanceModule,
  entities: [],
  migrations: [SharedTables, MaintenanceTables1763600000100],
});
