import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import type { BackupLevel, EventOf } from '@hozen/contracts';
import { Inbox, OnEvent } from '@hozen/messaging';
import { Executor } from '../runs/executor.js';
import { acceptRequest } from './accept-request.js';

/** Turns `backup.requested` into runs. */
@Controller()
export class RequestsController {
  constructor(
    private readonly inbox: Inbox,
    private readonly executor: Executor,
  ) {}

  @OnEvent('backup.requested')
  async requested(@Payload() event: EventOf<'backup.requested'>): Promise<void> {
    let level: BackupLevel | undefined;
    await this.inbox.handle(event, async (tx) => {
      level = await acceptRequest(tx, event, (run) => this.executor.expect(run));
    });
    if (level) this.executor.wake(level);
  }
}
