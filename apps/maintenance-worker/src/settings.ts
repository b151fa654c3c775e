import { HozenError } from '@hozen/contracts';

export interface WorkerSettings {
  /** Maintenance runs at a time in this process; one a target in any case. */
  lanes: number;
}

const MOST_LANES = 64;

/**
 * `HOZEN_EXECUTOR_LANES` (default 2; 0: this process only answers the API and takes requests in).
 * @throws HozenError SETTINGS_INVALID
 */
export function workerSettings(env: NodeJS.ProcessEnv): WorkerSettings {
  const lanes = Number(env['HOZEN_EXECUTOR_LANES'] ?? '2');
  if (Number.isInteger(lanes) && lanes >= 0 && lanes <= MOST_LANES) return { lanes };
  const what = `HOZEN_EXECUTOR_LANES must be a whole number from 0 to ${MOST_LANES}`;
  throw new HozenError('SETTINGS_INVALID', { what });
}
