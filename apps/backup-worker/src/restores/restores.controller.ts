import { randomUUID } from 'node:crypto';
import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { ApiBody, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  HozenError,
  newEvent,
  requireValid,
  RestoreRequested,
  type EventOf,
  type RestoreListView,
  type RestorePlanView,
  type RestoreView,
} from '@hozen/contracts';
import { Inbox, OnEvent, Outbox } from '@hozen/messaging';
import { DataSource } from 'typeorm';
import { traced } from '../runs/begin-attempt.js';
import { SOURCE } from '../runs/facts.js';
import { acceptRestore } from './accept-restore.js';
import { cancelRestore, findRestore, listRestores } from './list-restores.js';
import { planRequest } from './plan-request.js';
import { RestoreExecutor } from './restore-executor.js';

/** API-308, and `restore.requested`. */
@ApiTags('restores')
@Controller('restores')
export class RestoresController {
  constructor(
    private readonly database: DataSource,
    private readonly outbox: Outbox,
    private readonly inbox: Inbox,
    private readonly executor: RestoreExecutor,
  ) {}

  @OnEvent('restore.requested')
  async requested(@Payload() event: EventOf<'restore.requested'>): Promise<void> {
    await this.inbox.handle(event, async (tx) => {
      await acceptRestore(tx, event);
    });
    this.executor.wake();
  }

  @Post()
  @HttpCode(202)
  @ApiOperation({ summary: 'Ask for a restore; answers at once with what can be followed' })
  @ApiBody({ description: 'RestoreRequested, as the event', schema: { type: 'object' } })
  async ask(@Body() body: unknown): Promise<RestoreView> {
    const event = newEvent('restore.requested', requireValid(RestoreRequested, body), {
      source: SOURCE,
      id: randomUUID(),
      ...traced(),
    });
    const reasons = await this.outbox.transaction((tx) => acceptRestore(tx, event));
    if (reasons.length > 0) {
      const detail = reasons.map(({ field, message }) => `${field}: ${message}`).join('; ');
      throw new HozenError('REQUEST_INVALID', {}, { detail, reasons });
    }
    this.executor.wake();
    return findRestore(this.database, event.id);
  }

  @Post('plan')
  @HttpCode(200)
  @ApiOperation({ summary: 'What a restore would do and what stands in its way; changes nothing' })
  @ApiBody({ description: 'RestoreRequested, as the event', schema: { type: 'object' } })
  plan(@Body() body: unknown): Promise<RestorePlanView> {
    return planRequest(this.database, body, this.executor.restoreFolders);
  }

  @Get()
  @ApiOperation({ summary: 'The latest restores, newest first' })
  async list(): Promise<RestoreListView> {
    return { restores: await listRestores(this.database) };
  }

  @Get(':id')
  @ApiOperation({ summary: 'One restore, by its id or by the id of its request' })
  get(@Param('id') id: string): Promise<RestoreView> {
    return findRestore(this.database, id);
  }

  @Post(':id/cancel')
  @HttpCode(202)
  @ApiOperation({ summary: 'Ask for a restore to be cancelled; the answer shows its state now' })
  async cancel(@Param('id') id: string): Promise<RestoreView> {
    const restore = await findRestore(this.database, id);
    await cancelRestore(this.outbox, restore.id);
    return findRestore(this.database, restore.id);
  }
}
