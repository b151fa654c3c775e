import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { StorageView } from '@hozen/contracts';
import { DataSource } from 'typeorm';
import { listStorages } from './list-storages.js';

@ApiTags('storages')
@Controller('storages')
export class StoragesController {
  constructor(private readonly database: DataSource) {}

  @Get()
  @ApiOperation({ summary: 'Every place that configs store in: how full it is, and what of it are artefacts' })
  list(): Promise<StorageView[]> {
    return listStorages(this.database);
  }
}
