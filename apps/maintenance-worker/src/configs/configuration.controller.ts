import { Body, Controller, Put, Query } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { MaintenanceConfiguration, requireValid, type ChangeListView } from '@hozen/contracts';
import { DataSource } from 'typeorm';
import { applyConfiguration } from './apply-configuration.js';

@ApiTags('configuration')
@Controller('configuration')
export class ConfigurationController {
  constructor(private readonly database: DataSource) {}

  @Put()
  @ApiOperation({ summary: 'Create or update targets and their maintenance settings; what is not mentioned stays' })
  @ApiQuery({ name: 'dryRun', required: false, description: '`true`: only tell what would change' })
  @ApiBody({
    description: 'MaintenanceConfiguration: targets, the backup config of each, limits and thresholds',
    schema: { type: 'object' },
  })
  apply(@Body() body: unknown, @Query('dryRun') dryRun?: string): Promise<ChangeListView> {
    const wanted = requireValid(MaintenanceConfiguration, body, 'CONFIG_INVALID');
    return this.database.transaction((manager) => applyConfiguration(manager, wanted, dryRun === 'true'));
  }
}
