import type { Outbox } from '@hozen/messaging';
import type { Logger } from '@hozen/telemetry';
import type { DataSource } from 'typeorm';

/** What the worker gives to each run that it executes. */
export interface ExecutionContext {
  database: DataSource;
  outbox: Outbox;
  log: Logger;
  /** Folder under which each attempt gets a private one. */
  spoolRoot: string;
  /** A run of this config has ended well: the rules of retention are applied. Must not throw. */
  afterRun: (configId: string | null) => Promise<void>;
  /** Aborts when the worker is asked to stop. */
  shutdown: AbortSignal;
}
