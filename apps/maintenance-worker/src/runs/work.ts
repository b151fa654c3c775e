import type { Outbox } from '@hozen/messaging';
import type { Logger } from '@hozen/telemetry';
import type { DataSource } from 'typeorm';
import type { MaintenanceSettings } from '../configs/load-settings.js';
import type { RunRow } from '../store/rows.js';

export interface ExecutionContext {
  database: DataSource;
  outbox: Outbox;
  log: Logger;
  /** Aborts when the worker is asked to stop. */
  shutdown: AbortSignal;
}

/** A claimed run at work: what may stop it, and proof that it is still ours. */
export interface Work {
  run: RunRow;
  settings: MaintenanceSettings;
  signal: AbortSignal;
  /** To be called right before each effect. @throws HozenError LEASE_LOST */
  ensureLease: () => void;
}
