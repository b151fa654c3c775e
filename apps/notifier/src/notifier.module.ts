import { Module, type DynamicModule } from '@nestjs/common';
import { EmailSender } from './channels/email/email-sender.js';
import { SlackSender } from './channels/slack/slack-sender.js';
import { NotifierController } from './configuration/notifier.controller.js';
import { DeliveryLanes } from './delivery/delivery-lanes.js';
import { EventsController } from './intake/events.controller.js';
import { Notices } from './intake/notices.js';
import { NotifierSettings } from './settings/notifier-settings.js';

@Module({})
export class NotifierModule {
  static with(settings: NotifierSettings): DynamicModule {
    return {
      module: NotifierModule,
      controllers: [EventsController, NotifierController],
      providers: [{ provide: NotifierSettings, useValue: settings }, Notices, DeliveryLanes, EmailSender, SlackSender],
    };
  }
}
