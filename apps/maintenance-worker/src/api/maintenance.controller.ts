import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import {
  MAINTENANCE_STATES,
  type MaintenanceRunListView,
  type MaintenanceRunView,
  type TargetStatusView,
} from '@hozen/contracts';
import { Outbox } from '@hozen/messaging';
import { DataSource } from 'typeorm';
import { Executor } from '../runs/executor.js';
import { cancelRun } from './cancel-run.js';
import { latestStatus } from './latest-status.js';
import { findRun, listRuns } from './list-runs.js';

/** State and history of maintenance, and API-335: the state of a target. */
@ApiTags('maintenance')
@Controller()
export class MaintenanceController {
  constructor(
    private readonly database: DataSource,
    private readonly outbox: Outbox,
    private readonly executor: Executor,
  ) {}

  @Get('maintenance')
  @ApiOperation({ summary: 'Runs, newest first' })
  @ApiQuery({ name: 'target', required: false })
  @ApiQuery({ name: 'state', required: false, enum: MAINTENANCE_STATES })
  @ApiQuery({ name: 'limit', required: false, description: '1 to 200, default 20' })
  @ApiQuery({ name: 'before', required: false, description: '`next` of the page before' })
  list(
    @Query('target') target?: string,
    @Query('state') state?: string,
    @Query('limit') limit?: string,
    @Query('before') before?: string,
  ): Promise<MaintenanceRunListView> {
    return listRuns(this.database, { target, state, limit, before });
  }

  @Get('maintenance/:id')
  @ApiOperation({ summary: 'One run with its steps, by its id or by the id of its request' })
  get(@Param('id') id: string): Promise<MaintenanceRunView> {
    return findRun(this.database, id);
  }

  @Post('maintenance/:id/cancel')
  @HttpCode(202)
  @ApiOperation({ summary: 'Ask for a run to be cancelled; the answer shows its state now' })
  async cancel(@Param('id') id: string): Promise<MaintenanceRunView> {
    const run = await findRun(this.database, id);
    await cancelRun(this.outbox, run.id);
    this.executor.wake();
    return findRun(this.database, run.id);
  }

  @Get('status/:target')
  @ApiOperation({ summary: 'The latest diagnosis of a target: facts, findings and, before the work, the plan' })
  status(@Param('target') target: string): Promise<TargetStatusView> {
    return latestStatus(this.database, target);
  }
}
