import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { RUN_STATES, type RunListView, type RunView } from '@hozen/contracts';
import { Outbox } from '@hozen/messaging';
import { DataSource } from 'typeorm';
import { cancelRun } from './cancel-run.js';
import { findRun, listRuns } from './list-runs.js';

/** API-307: state and history of backups. */
@ApiTags('backups')
@Controller('backups')
export class RunsController {
  constructor(
    private readonly database: DataSource,
    private readonly outbox: Outbox,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Runs, newest first, with attempts, artefact, progress and error' })
  @ApiQuery({ name: 'config', required: false })
  @ApiQuery({ name: 'state', required: false, enum: RUN_STATES })
  @ApiQuery({ name: 'limit', required: false, description: '1 to 200, default 20' })
  @ApiQuery({ name: 'before', required: false, description: '`next` of the page before' })
  list(
    @Query('config') config?: string,
    @Query('state') state?: string,
    @Query('limit') limit?: string,
    @Query('before') before?: string,
  ): Promise<RunListView> {
    return listRuns(this.database, { config, state, limit, before });
  }

  @Get(':id')
  @ApiOperation({ summary: 'One run, by its id or by the id of its request' })
  get(@Param('id') id: string): Promise<RunView> {
    return findRun(this.database, id);
  }

  @Post(':id/cancel')
  @HttpCode(202)
  @ApiOperation({ summary: 'Ask for a run to be cancelled; the answer shows its state now' })
  async cancel(@Param('id') id: string): Promise<RunView> {
    const run = await findRun(this.database, id);
    await cancelRun(this.outbox, run.id);
    return findRun(this.database, run.id);
  }
}
