import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { HoldRequest, requireValid, type RetentionView, type RunView } from '@hozen/contracts';
import { DataSource } from 'typeorm';
import { findRun } from '../api/list-runs.js';
import { hold, release } from './holds.js';
import { previewRetention } from './preview.js';
import { RetentionKeeper } from './retention-keeper.js';

@ApiTags('retention')
@Controller()
export class RetentionController {
  constructor(
    private readonly database: DataSource,
    private readonly keeper: RetentionKeeper,
  ) {}

  @Get('retention')
  @ApiOperation({ summary: 'What would stay and what would go if the rules were applied now, and why' })
  @ApiQuery({ name: 'config', required: false })
  preview(@Query('config') config?: string): Promise<RetentionView[]> {
    return previewRetention(this.database, config);
  }

  @Post('retention/apply')
  @HttpCode(202)
  @ApiOperation({ summary: 'Apply the rules now; artefacts that expire are deleted one after the other' })
  async apply(): Promise<{ expired: number }> {
    return { expired: await this.keeper.applyNow() };
  }

  @Put('backups/:id/hold')
  @ApiOperation({ summary: 'Keep the artefact of a run whatever the rules say' })
  @ApiBody({ description: 'HoldRequest: the reason', schema: { type: 'object' } })
  async hold(@Param('id') id: string, @Body() body: unknown): Promise<RunView> {
    const { reason, heldBy } = requireValid(HoldRequest, body, 'REQUEST_INVALID');
    const run = await findRun(this.database, id);
    await hold(this.database, run.id, reason, heldBy ?? null);
    return findRun(this.database, run.id);
  }

  @Delete('backups/:id/hold')
  @ApiOperation({ summary: 'Leave the artefact of a run to the rules again' })
  async release(@Param('id') id: string): Promise<RunView> {
    const run = await findRun(this.database, id);
    await release(this.database, run.id);
    return findRun(this.database, run.id);
  }
}
