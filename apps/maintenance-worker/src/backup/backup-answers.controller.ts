import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import type { EventOf } from '@hozen/contracts';
import { Inbox, OnEvent } from '@hozen/messaging';
import { Executor } from '../runs/executor.js';
import { settleAnswer } from './settle-answer.js';

/**
 * Hears how every backup ended, and moves the runs on that wait for one. BATCH-905's chart takes another kind of backup
 * when the first fails; there is only one kind yet, so a failed safety backup ends the maintenance before anything is
 * changed: going on without one is never right.
 */
@Controller()
export class BackupAnswersController {
  constructor(
    private readonly inbox: Inbox,
    private readonly executor: Executor,
  ) {}

  @OnEvent('backup.completed')
  completed(@Payload() event: EventOf<'backup.completed'>): Promise<void> {
    return this.settle(event);
  }

  @OnEvent('backup.failed')
  failed(@Payload() event: EventOf<'backup.failed'>): Promise<void> {
    return this.settle(event);
  }

  @OnEvent('backup.rejected')
  rejected(@Payload() event: EventOf<'backup.rejected'>): Promise<void> {
    return this.settle(event);
  }

  private async settle(event: Parameters<typeof settleAnswer>[1]): Promise<void> {
    await this.inbox.handle(event, (tx) => settleAnswer(tx, event));
    this.executor.wake();
  }
}
