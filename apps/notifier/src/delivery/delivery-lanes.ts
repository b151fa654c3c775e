import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { EmailSender } from '../channels/email/email-sender.js';
import { SlackSender } from '../channels/slack/slack-sender.js';
import { NotifierSettings } from '../settings/notifier-settings.js';
import type { Channel, Sender } from './channel.js';
import { deliverOne } from './deliver-one.js';
import { DeliveryLane } from './delivery-lane.js';
import { observeUndelivered } from './metrics.js';

const WIDTH = 4;

/** A lane for each channel: when one is down or slow, the other does not notice. */
@Injectable()
export class DeliveryLanes implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly lanes: DeliveryLane[];

  constructor(
    private readonly dataSource: DataSource,
    email: EmailSender,
    slack: SlackSender,
    private readonly settings: NotifierSettings,
  ) {
    this.lanes = [this.lane('email', email), this.lane('slack', slack)];
  }

  onApplicationBootstrap(): void {
    observeUndelivered(this.dataSource);
    for (const lane of this.lanes) lane.start();
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all(this.lanes.map((lane) => lane.stop()));
  }

  wake(): void {
    for (const lane of this.lanes) lane.wake();
  }

  private lane(channel: Channel, sender: Sender): DeliveryLane {
    return new DeliveryLane(() => deliverOne(this.dataSource, channel, sender, this.settings), WIDTH);
  }
}
