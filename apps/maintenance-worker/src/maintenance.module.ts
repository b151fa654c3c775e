import { Inject, Module, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Outbox } from '@hozen/messaging';
import { DataSource } from 'typeorm';
import { MaintenanceController } from './api/maintenance.controller.js';
import { BackupAnswersController } from './backup/backup-answers.controller.js';
import { ConfigurationController } from './configs/configuration.controller.js';
import { RequestsController } from './intake/requests.controller.js';
import { Executor } from './runs/executor.js';
import { workerSettings } from './settings.js';

@Module({
  controllers: [RequestsController, BackupAnswersController, MaintenanceController, ConfigurationController],
  providers: [
    {
      provide: Executor,
      inject: [DataSource, Outbox],
      useFactory: (database: DataSource, outbox: Outbox) =>
        new Executor(database, outbox, workerSettings(process.env).lanes),
    },
  ],
})
export class MaintenanceModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(@Inject(Executor) private readonly executor: Executor) {}

  onApplicationBootstrap(): void {
    this.executor.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.executor.stop();
  }
}
