import { Body, Controller, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { HozenError, requireValid, type ChangeListView, type ScheduleView } from '@hozen/contracts';
import { Outbox } from '@hozen/messaging';
import { DataSource } from 'typeorm';
import { fireNow, type FiredNow } from '../firing/fire-now.js';
import { applySchedules } from './apply-schedules.js';
import { checkSchedules } from './check-schedules.js';
import { FireNow } from './fire-now.body.js';
import { listSchedules } from './list-schedules.js';

@ApiTags('schedules')
@Controller()
export class SchedulesController {
  constructor(
    private readonly dataSource: DataSource,
    private readonly outbox: Outbox,
  ) {}

  @Get('schedules')
  @ApiOperation({ summary: 'All schedules, each with its next ten fires' })
  list(): Promise<ScheduleView[]> {
    return listSchedules(this.dataSource);
  }

  @Put('configuration')
  @ApiOperation({ summary: 'Create and update schedules by name; those not mentioned stay' })
  @ApiBody({ schema: { type: 'object', description: 'ScheduleConfiguration: { "schedules": [...] }' } })
  @ApiQuery({ name: 'dryRun', required: false, description: '`true`: tell the changes and make none' })
  apply(@Body() body: unknown, @Query('dryRun') dryRun?: string): Promise<ChangeListView> {
    const checked = checkSchedules(body);
    if (!checked.ok) throw new HozenError('CONFIG_INVALID', {}, { reasons: checked.reasons });
    return applySchedules(this.dataSource, checked.value.schedules, { dryRun: dryRun === 'true' });
  }

  @Post('schedules/:name/fire')
  @HttpCode(202)
  @ApiOperation({ summary: "Publish a schedule's request now, as a manual run" })
  @ApiBody({ type: FireNow, required: false })
  fire(@Param('name') name: string, @Body() body: unknown): Promise<FiredNow> {
    return fireNow(this.outbox, name, requireValid(FireNow, body ?? {}));
  }
}
