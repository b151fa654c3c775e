import { Body, Controller, Get, Param, Put, Query } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import {
  BackupConfiguration,
  requireValid,
  type ChangeListView,
  type ConfigSpec,
  type ConfigView,
  type TargetView,
} from '@hozen/contracts';
import { DataSource } from 'typeorm';
import { applyConfiguration } from './apply-configuration.js';
import { findConfig, listConfigs, listTargets } from './list-configs.js';

@ApiTags('configuration')
@Controller()
export class ConfigurationController {
  constructor(private readonly database: DataSource) {}

  @Get('configs')
  @ApiOperation({ summary: 'All backup configs, each with its latest run' })
  configs(): Promise<ConfigView[]> {
    return listConfigs(this.database);
  }

  @Get('configs/:name')
  @ApiOperation({ summary: 'One config as backups.yaml has it; references instead of secrets' })
  config(@Param('name') name: string): Promise<ConfigSpec> {
    return findConfig(this.database, name);
  }

  @Get('targets')
  @ApiOperation({ summary: 'All targets, without their secrets' })
  targets(): Promise<TargetView[]> {
    return listTargets(this.database);
  }

  @Put('configuration')
  @ApiOperation({ summary: 'Create or update targets and configs by name; what is not mentioned stays' })
  @ApiQuery({ name: 'dryRun', required: false, description: '`true`: only tell what would change' })
  @ApiBody({ description: 'BackupConfiguration: targets and configs, as in backups.yaml', schema: { type: 'object' } })
  apply(@Body() body: unknown, @Query('dryRun') dryRun?: string): Promise<ChangeListView> {
    const wanted = requireValid(BackupConfiguration, body, 'CONFIG_INVALID');
    return this.database.transaction((manager) => applyConfiguration(manager, wanted, dryRun === 'true'));
  }
}
