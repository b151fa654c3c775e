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
import { CopyKeeper } from './copies/copy-keeper.js';
import { RequestsController } from './intake/requests.controller.js';
import { RestoreExecutor } from './restores/restore-executor.js';
import { RestoresController } from './restores/restores.controller.js';
import { RetentionController } from './retention/retention.controller.js';
import { RetentionKeeper } from './retention/retention-keeper.js';
import { Executor } from './runs/executor.js';
import { sweepSpool } from './runs/sweep-spool.js';
import type { WorkerSettings } from './settings.js';

/** Intake, executors, retention and API of backups and restores, in one process. */
@Module({
  controllers: [RequestsController, RunsController, ConfigurationController, RetentionController, RestoresController],
})
export class BackupWorkerModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(
    private readonly executor: Executor,
    private readonly restores: RestoreExecutor,
    private readonly retention: RetentionKeeper,
    private readonly copies: CopyKeeper,
    private readonly database: DataSource,
  ) {}

  /** @param settings a function, since the module is named before the settings are read */
  static with(settings: () => WorkerSettings): DynamicModule {
    const retention = {
      provide: RetentionKeeper,
      inject: [DataSource, Outbox],
      useFactory: (database: DataSource, outbox: Outbox) => new RetentionKeeper(database, outbox),
    };
    const executor = {
      provide: Executor,
      inject: [DataSource, Outbox, RetentionKeeper],
      useFactory: (database: DataSource, outbox: Outbox, keeper: RetentionKeeper) => {
        const { lanes, spoolRoot } = settings();
        const afterRun = (configId: string | null) => keeper.afterRun(configId);
        return new Executor({ database, outbox, spoolRoot, afterRun }, lanes);
      },
    };
    const restores = {
      provide: RestoreExecutor,
      inject: [DataSource, Outbox],
      useFactory: (database: DataSource, outbox: Outbox) => {
        const { lanes, spoolRoot, restoreFolders } = settings();
        return new RestoreExecutor({ database, outbox, spoolRoot, restoreFolders }, Math.min(lanes, 1));
      },
    };
    const copies = {
      provide: CopyKeeper,
      inject: [DataSource],
      useFactory: (database: DataSource) => new CopyKeeper(database, Math.min(settings().lanes, 1)),
    };
    return { module: BackupWorkerModule, providers: [retention, executor, restores, copies] };
  }

  async onApplicationBootstrap(): Promise<void> {
    await sweepSpool(this.database, this.executor.spoolRoot);
    this.executor.start();
    this.restores.start();
    this.retention.start();
    this.copies.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all([this.executor.stop(), this.restores.stop(), this.retention.stop(), this.copies.stop()]);
  }
}
