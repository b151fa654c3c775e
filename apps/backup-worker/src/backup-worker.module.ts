import {
  Module,
  type BeforeApplicationShutdown,
  type DynamicModule,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { Outbox } from '@hozen/messaging';
import { DataSource } from 'typeorm';
import { observeWaitingRuns } from './admission/metrics.js';
import { RunsController } from './api/runs.controller.js';
import { ConfigurationController } from './configs/configuration.controller.js';
import { CopyKeeper } from './copies/copy-keeper.js';
import { RequestsController } from './intake/requests.controller.js';
import { PerformanceKeeper } from './performance/performance-keeper.js';
import { RepositoryController } from './repository/repository.controller.js';
import { RestoreExecutor } from './restores/restore-executor.js';
import { RestoresController } from './restores/restores.controller.js';
import { RetentionController } from './retention/retention.controller.js';
import { RetentionKeeper } from './retention/retention-keeper.js';
import { Executor } from './runs/executor.js';
import { WorkerResources } from './resources/worker-resources.js';
import { sweepSpool } from './runs/sweep-spool.js';
import { VerificationExecutor } from './verifications/verification-executor.js';
import { VerificationsController } from './verifications/verifications.controller.js';
import type { WorkerSettings } from './settings.js';
import { observeStorages } from './usage/metrics.js';
import { StoragesController } from './usage/storages.controller.js';
import { UsageKeeper } from './usage/usage-keeper.js';
import { logUnconfined } from './verification/unconfined.js';
import { ReceiverKeeper } from './wal-receiver/receiver-keeper.js';

/** Intake, executors, retention and API of backups and restores, in one process. */
@Module({
  controllers: [
    RequestsController,
    RunsController,
    ConfigurationController,
    RetentionController,
    RestoresController,
    VerificationsController,
    RepositoryController,
    StoragesController,
  ],
})
export class BackupWorkerModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(
    private readonly executor: Executor,
    private readonly restores: RestoreExecutor,
    private readonly verifications: VerificationExecutor,
    private readonly retention: RetentionKeeper,
    private readonly copies: CopyKeeper,
    private readonly receivers: ReceiverKeeper,
    private readonly performance: PerformanceKeeper,
    private readonly resources: WorkerResources,
    private readonly usage: UsageKeeper,
    private readonly database: DataSource,
  ) {}

  /** @param settings a function, since the module is named before the settings are read */
  static with(settings: () => WorkerSettings): DynamicModule {
    const retention = {
      provide: RetentionKeeper,
      inject: [DataSource, Outbox],
      useFactory: (database: DataSource, outbox: Outbox) => new RetentionKeeper(database, outbox),
    };
    const resources = {
      provide: WorkerResources,
      useFactory: () => WorkerResources.find(settings().lanes > 0 ? settings().cgroup : 'off'),
    };
    const usage = {
      provide: UsageKeeper,
      inject: [DataSource, Outbox],
      useFactory: (database: DataSource, outbox: Outbox) =>
        new UsageKeeper(database, outbox, Math.min(settings().lanes, 1)),
    };
    const executor = {
      provide: Executor,
      inject: [DataSource, Outbox, RetentionKeeper, WorkerResources, UsageKeeper],
      useFactory: (
        database: DataSource,
        outbox: Outbox,
        retentionKeeper: RetentionKeeper,
        workerResources: WorkerResources,
        usageKeeper: UsageKeeper,
      ) => {
        const { lanes, spoolRoot } = settings();
        const afterRun = async (configId: string | null) => {
          await retentionKeeper.afterRun(configId);
          await usageKeeper.afterRun(configId);
        };
        return new Executor({ database, outbox, spoolRoot, afterRun, resources: workerResources }, lanes);
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
    const verifications = {
      provide: VerificationExecutor,
      inject: [DataSource, Outbox],
      useFactory: (database: DataSource, outbox: Outbox) => {
        const { lanes, spoolRoot } = settings();
        return new VerificationExecutor({ database, outbox, spoolRoot }, Math.min(lanes, 1));
      },
    };
    const copies = {
      provide: CopyKeeper,
      inject: [DataSource],
      useFactory: (database: DataSource) => new CopyKeeper(database, Math.min(settings().lanes, 1)),
    };
    const receivers = {
      provide: ReceiverKeeper,
      inject: [DataSource],
      useFactory: (database: DataSource) => {
        const { lanes, spoolRoot } = settings();
        return new ReceiverKeeper(database, spoolRoot, lanes > 0);
      },
    };
    const performance = {
      provide: PerformanceKeeper,
      inject: [DataSource, Outbox],
      useFactory: (database: DataSource, outbox: Outbox) =>
        new PerformanceKeeper(database, outbox, Math.min(settings().lanes, 1)),
    };
    return {
      module: BackupWorkerModule,
      providers: [resources, usage, retention, executor, restores, verifications, copies, receivers, performance],
    };
  }

  async onApplicationBootstrap(): Promise<void> {
    observeWaitingRuns(this.database);
    observeStorages(this.database);
    await sweepSpool(this.database, this.executor.spoolRoot);
    await logUnconfined();
    this.executor.start();
    this.restores.start();
    this.verifications.start();
    this.retention.start();
    this.copies.start();
    this.receivers.start();
    this.performance.start();
    this.usage.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    const { executor, restores, verifications, retention, copies, receivers, performance, usage } = this;
    const parts = [executor, restores, verifications, retention, copies, receivers, performance, usage];
    await Promise.all(parts.map((part) => part.stop()));
    await this.resources[Symbol.asyncDispose]();
  }
}
