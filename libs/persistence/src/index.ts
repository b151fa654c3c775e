export { createDataSource, type DataSourceSettings } from './data-source.js';
export { formatDatabaseUrl, parseDatabaseUrl, type DatabaseAddress } from './database-url.js';
export { HandBack, JobSignals } from './job-signals.js';
export { LeaseKeeper, type LeaseSettings } from './lease-keeper.js';
export { migrate } from './migrate.js';
export { provision, type ProvisionSettings } from './provision.js';
export { roleOf, SERVICE_NAMES, type ServiceName } from './services.js';
export { SharedTables } from './shared-tables.js';
export { WorkLanes, type WorkLanesSettings } from './work-lanes.js';
