import type { Outbox } from '@hozen/messaging';
import type { Logger } from '@hozen/telemetry';
import type { DataSource } from 'typeorm';
import type { WorkerResources } from '../resources/worker-resources.js';

/** What the worker gives to each run that it executes. */
export interface ExecutionContext {
  database: DataSource;
  outbox: Outbox;
  log: Logger;
  /** Folder under which each attempt gets a private one. */
  spoolRoot: string;
  /** What holds runs to the limits of their configs. */
  resources: WorkerResources;
  /** A run of this config has ended well: the rules of retention are applied. Must not throw. */
  afterRun: (configId: string | null) => Promise<void>;
  /** Aborts when the worker is asked to stop. */
  shutdown: AbortSignal;
}
