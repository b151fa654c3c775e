import type { BackupRunFacts } from '@hozen/contracts';
import type { RunRow } from '../store/entities.js';

type RunFacts = { [Field in keyof BackupRunFacts]: BackupRunFacts[Field] };

/** What names the run in every event of it. */
export function factsOf(run: RunRow): RunFacts {
  return {
    runId: run.id,
    requestId: run.request_id,
    config: run.config_name,
    target: run.target_name,
    level: run.backup_level,
    trigger: run.backup_trigger,
  };
}

/** Source of this service's events. */
export const SOURCE = 'hozen/backup-worker';
