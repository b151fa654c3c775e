import { randomUUID } from 'node:crypto';
import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { asker } from '@hozen/access';
import { Payload } from '@nestjs/microservices';
import { ApiBody, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import {
  HozenError,
  newEvent,
  requireValid,
  VerificationRequested,
  type EventOf,
  type VerificationListView,
  type VerificationView,
} from '@hozen/contracts';
import { Inbox, OnEvent, Outbox } from '@hozen/messaging';
import { DataSource } from 'typeorm';
import { traced } from '../runs/begin-attempt.js';
import { SOURCE } from '../runs/facts.js';
import { acceptVerification } from './accept-verification.js';
import { cancelVerification, findVerification, listVerifications } from './list-verifications.js';
import { VerificationExecutor } from './verification-executor.js';

/** Drills: standing backups are proven once more, on request or by schedule. */
@ApiTags('verifications')
@Controller('verifications')
export class VerificationsController {
  constructor(
    private readonly database: DataSource,
    private readonly outbox: Outbox,
    private readonly inbox: Inbox,
    private readonly executor: VerificationExecutor,
  ) {}

  @OnEvent('verification.requested')
  async requested(@Payload() event: EventOf<'verification.requested'>): Promise<void> {
    await this.inbox.handle(event, async (tx) => {
      await acceptVerification(tx, event);
    });
    this.executor.wake();
  }

  @Post()
  @HttpCode(202)
  @ApiOperation({ summary: 'Ask for a verification; answers at once with what can be followed' })
  @ApiBody({ description: 'VerificationRequested, as the event', schema: { type: 'object' } })
  async ask(@Body() body: unknown): Promise<VerificationView> {
    const request = requireValid(VerificationRequested, body);
    Object.assign(request, asker(request.requestedBy));
    const event = newEvent('verification.requested', request, {
      source: SOURCE,
      id: randomUUID(),
      ...traced(),
    });
    const reasons = await this.outbox.transaction((tx) => acceptVerification(tx, event));
    if (reasons.length > 0) {
      const detail = reasons.map(({ field, message }) => `${field}: ${message}`).join('; ');
      throw new HozenError('REQUEST_INVALID', {}, { detail, reasons });
    }
    this.executor.wake();
    return findVerification(this.database, event.id);
  }

  @Get()
  @ApiOperation({ summary: 'The latest verifications, newest first, with measured recovery times' })
  @ApiQuery({ name: 'config', required: false })
  @ApiQuery({ name: 'target', required: false })
  async list(@Query('config') config?: string, @Query('target') target?: string): Promise<VerificationListView> {
    return { verifications: await listVerifications(this.database, { config, target }) };
  }

  @Get(':id')
  @ApiOperation({ summary: 'One verification, by its id or by the id of its request' })
  get(@Param('id') id: string): Promise<VerificationView> {
    return findVerification(this.database, id);
  }

  @Post(':id/cancel')
  @HttpCode(202)
  @ApiOperation({ summary: 'Ask for a verification to be cancelled; the answer shows its state now' })
  async cancel(@Param('id') id: string): Promise<VerificationView> {
    const verification = await findVerification(this.database, id);
    await cancelVerification(this.outbox, verification.id);
    return findVerification(this.database, verification.id);
  }
}
