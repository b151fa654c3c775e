import { Module } from '@nestjs/common';
import { SchedulesController } from './configuration/schedules.controller.js';
import { FireLoop } from './firing/fire-loop.js';

@Module({ controllers: [SchedulesController], providers: [FireLoop] })
export class SchedulerModule {}
