import type { MaintenanceRunFacts } from '@hozen/contracts';
import type { RunRow } from '../store/rows.js';

/** Source of this service's events. */
export const SOURCE = 'hozen/maintenance-worker';

/** What names the run in every event of it. */
export function factsOf(run: RunRow) {
  return {
    runId: run.id,
    requestId: run.request_id,
    target: run.target_name,
    maintenanceType: run.maintenance_type,
    targetDatabases: run.target_databases,
    severityLevel: run.severity_level,
  } satisfies MaintenanceRunFacts;
}
