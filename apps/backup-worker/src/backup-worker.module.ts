import {
  Module,
  type BeforeApplicationShutdown,
  type DynamicModule,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { Outbox } from '@hozen/messaging';
import { DataSource } from 'typeorm';
import { RunsController } from './api/runs.controller.js';
import { ConfigurationController } from './configs/configuration.controller.js';
import { RequestsController } from './intake/requests.controller.js';
import { Executor } from './runs/executor.js';
import { sweepSpool } from './runs/sweep-spool.js';
import type { WorkerSettings } from './settings.js';

/** Intake, executor and API of backups, in one process. */
@Module({ controllers: [RequestsController, RunsController, ConfigurationController] })
export class BackupWorkerModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(
    private readonly executor: Executor,
    private readonly database: DataSource,
  ) {}

  /** @param settings a function, since the module is named before the settings are read */
  static with(settings: () => WorkerSettings): DynamicModule {
    const executor = {
      provide: Executor,
      inject: [DataSource, Outbox],
      useFactory: (database: DataSource, outbox: Outbox) => {
        const { lanes, spoolRoot } = settings();
        return new Executor({ database, outbox, spoolRoot }, lanes);
      },
    };
    return { module: BackupWorkerModule, providers: [executor] };
  }

  async onApplicationBootstrap(): Promise<void> {
    await sweepSpool(this.database, this.executor.spoolRoot);
    this.executor.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.executor.stop();
  }
}
