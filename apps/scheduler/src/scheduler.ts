import { SHARED_TABLES } from '@hozen/persistence';
import type { ServiceDefinition } from '@hozen/service';
import { SchedulerModule } from './scheduler.module.js';
import { Schedule } from './tables/schedule.js';
import { SchedulerTables } from './tables/scheduler-tables.js';

export const SCHEDULER = {
  service: 'scheduler',
  name: 'scheduler',
  module: SchedulerModule,
  entities: [Schedule],
  migrations: [...SHARED_TABLES, SchedulerTables],
} satisfies ServiceDefinition;
