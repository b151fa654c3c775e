import { randomUUID } from 'node:crypto';
import { asker, type Identity } from '@hozen/access';
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
  obstaclesText,
} from '@hozen/contracts';
import { Inbox, OnEvent, Outbox } from '@hozen/messaging';
import { DataSource } from 'typeorm';
import { traced } from '../runs/begin-attempt.js';
import { SOURCE } from '../runs/facts.js';
import { acceptRestore } from './accept-restore.js';
import { approveRestore, requireDba } from './ask-in-place.js';
import { cancelRestore, findRestore, findRestoreRow, listRestores } from './list-restores.js';
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
    const request = requireValid(RestoreRequested, body);
    Object.assign(request, asker(request.requestedBy));
    const event = newEvent('restore.requested', request, { source: SOURCE, id: randomUUID(), ...traced() });
    const inPlace = request.inPlace || request.delta ? await this.#planned(request) : undefined;
    const reasons = await this.outbox.transaction((tx) => acceptRestore(tx, event, inPlace));
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
    return planRequest(this.database, body, this.executor.restoreFolders, this.executor.spoolRoot);
  }

  @Post(':id/approve')
  @HttpCode(200)
  @ApiOperation({ summary: 'Approve of the plan of a restore in place; a DBA other than the one who asked' })
  @ApiBody({ schema: { type: 'object', properties: { planHash: { type: 'string' } }, required: ['planHash'] } })
  async approve(@Param('id') id: string, @Body() body: { planHash?: unknown }): Promise<RestoreView> {
    const by = requireDba();
    await this.outbox.transaction(async (tx) =>
      approveRestore(tx, await findRestoreRow(tx.manager, id), body.planHash, by),
    );
    this.executor.wake();
    return findRestore(this.database, id);
  }

  async #planned(request: RestoreRequested): Promise<{ plan: RestorePlanView; asker: Identity }> {
    const dba = requireDba();
    const plan = await planRequest(this.database, request, this.executor.restoreFolders, this.executor.spoolRoot);
    if (plan.obstacles.length === 0) return { plan, asker: dba };
    const what = obstaclesText('en', plan.obstacles);
    const target = request.target ?? request.directory ?? '';
    throw new HozenError('RESTORE_IMPOSSIBLE', { target, what });
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
