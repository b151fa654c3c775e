import { Body, Controller, Get, HttpCode, Post, Put, Query } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { HozenError, requireValid, type ChangeListView, type DeliveryView } from '@hozen/contracts';
import { DataSource } from 'typeorm';
import { Notices } from '../intake/notices.js';
import { Recipient } from '../tables/recipient.js';
import { applyNotification } from './apply-notification.js';
import { checkNotification } from './check-notification.js';
import { DeliveryQuery, listDeliveries } from './list-deliveries.js';
import { TestNoticeBody } from './test-notice.body.js';

@ApiTags('notices')
@Controller()
export class NotifierController {
  constructor(
    private readonly dataSource: DataSource,
    private readonly notices: Notices,
  ) {}

  @Get('deliveries')
  @ApiOperation({ summary: 'Who was told what, by which channel, and how it ended' })
  @ApiQuery({ name: 'runId', required: false })
  @ApiQuery({ name: 'eventId', required: false })
  @ApiQuery({ name: 'limit', required: false, description: '1 to 1000; default 100' })
  deliveries(@Query() query: Record<string, unknown>): Promise<DeliveryView[]> {
    return listDeliveries(this.dataSource, requireValid(DeliveryQuery, { ...query }));
  }

  @Put('configuration')
  @ApiOperation({ summary: 'Create and update recipients by name, and replace the rules if any are given' })
  @ApiBody({
    schema: { type: 'object', description: 'NotificationConfiguration: { "recipients": [...], "rules": [...] }' },
  })
  @ApiQuery({ name: 'dryRun', required: false, description: '`true`: tell the changes and make none' })
  async apply(@Body() body: unknown, @Query('dryRun') dryRun?: string): Promise<ChangeListView> {
    const checked = checkNotification(body, await this.dataSource.manager.find(Recipient));
    if (!checked.ok) throw new HozenError('CONFIG_INVALID', {}, { reasons: checked.reasons });
    return applyNotification(this.dataSource, checked.value, { dryRun: dryRun === 'true' });
  }

  @Post('test')
  @HttpCode(202)
  @ApiOperation({ summary: 'Send a test notice to a recipient, on every channel it has' })
  async test(@Body() body: TestNoticeBody): Promise<DeliveryView[]> {
    const eventId = await this.notices.test(requireValid(TestNoticeBody, body).recipient);
    return listDeliveries(this.dataSource, { eventId, limit: 100 });
  }
}
