import { gauge } from '@hozen/telemetry';
import type { DataSource } from 'typeorm';
import { BUSY_TARGET, FULL_STORAGES } from './waits.sql.js';

const WAITING = `
  SELECT reason, count(*)::int AS value, extract(epoch FROM clock_timestamp() - min(waiting.not_before))::float8 AS age
    FROM backup_runs AS waiting LEFT JOIN backup_configs AS config ON config.id = waiting.config_id
    CROSS JOIN LATERAL (SELECT CASE WHEN EXISTS (${BUSY_TARGET}) THEN 'target' WHEN EXISTS (${FULL_STORAGES}) THEN 'storage'
                                    WHEN waiting.waits_for IS NOT NULL THEN 'space' ELSE 'worker' END AS reason) AS why
   WHERE waiting.state = 'queued' AND waiting.not_before <= clock_timestamp()
   GROUP BY reason`;

/** How many runs are due and wait, and the longest of them: both grow where there is more to do than is allowed. */
export function observeWaitingRuns(database: DataSource): void {
  const rows = () => database.query<{ reason: string; value: number; age: number }[]>(WAITING);
  gauge('hozen_runs_waiting', 'Runs that are due and wait, by what they wait for.', async () =>
    (await rows()).map(({ reason, value }) => ({ value, attributes: { reason } })),
  );
  gauge('hozen_runs_waiting_seconds', 'Since when the first of them is due, in seconds.', async () =>
    (await rows()).map(({ reason, age }) => ({ value: age, attributes: { reason } })),
  );
}
