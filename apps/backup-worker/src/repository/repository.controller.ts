import { Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { RepositoryAdoptionView, RepositoryScanView } from '@hozen/contracts';
import { Outbox } from '@hozen/messaging';
import { DataSource } from 'typeorm';
import { adoptArtefacts } from './adopt.js';
import { scanRepository } from './scan.js';

@ApiTags('repository')
@Controller('repository')
export class RepositoryController {
  constructor(
    private readonly database: DataSource,
    private readonly outbox: Outbox,
  ) {}

  @Get('scan')
  @ApiOperation({ summary: 'What the storages hold, compared with what is known; changes nothing' })
  @ApiQuery({ name: 'config', required: false })
  scan(@Query('config') config?: string): Promise<RepositoryScanView> {
    return scanRepository(this.database, config);
  }

  @Post('adopt')
  @HttpCode(200)
  @ApiOperation({ summary: 'Write down artefacts that stand in storage and are unknown; each is verified next' })
  @ApiQuery({ name: 'config', required: false })
  adopt(@Query('config') config?: string): Promise<RepositoryAdoptionView> {
    return adoptArtefacts(this.database, this.outbox, config);
  }
}
