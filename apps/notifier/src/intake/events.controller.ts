import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import type { EventOf } from '@hozen/contracts';
import { OnEvent } from '@hozen/messaging';
import { Notices } from './notices.js';

@Controller()
export class EventsController {
  constructor(private readonly notices: Notices) {}

  @OnEvent('backup.completed')
  backupCompleted(@Payload() event: EventOf<'backup.completed'>): Promise<void> {
    return this.notices.tell(event);
  }

  @OnEvent('backup.failed')
  backupFailed(@Payload() event: EventOf<'backup.failed'>): Promise<void> {
    return this.notices.tell(event);
  }

  @OnEvent('backup.rejected')
  backupRejected(@Payload() event: EventOf<'backup.rejected'>): Promise<void> {
    return this.notices.tell(event);
  }

  @OnEvent('backup.gap_found')
  backupGapFound(@Payload() event: EventOf<'backup.gap_found'>): Promise<void> {
    return this.notices.tell(event);
  }

  @OnEvent('restore.awaiting_approval')
  restoreAwaitingApproval(@Payload() event: EventOf<'restore.awaiting_approval'>): Promise<void> {
    return this.notices.tell(event);
  }

  @OnEvent('restore.approved')
  restoreApproved(@Payload() event: EventOf<'restore.approved'>): Promise<void> {
    return this.notices.tell(event);
  }

  @OnEvent('restore.completed')
  restoreCompleted(@Payload() event: EventOf<'restore.completed'>): Promise<void> {
    return this.notices.tell(event);
  }

  @OnEvent('restore.failed')
  restoreFailed(@Payload() event: EventOf<'restore.failed'>): Promise<void> {
    return this.notices.tell(event);
  }

  @OnEvent('restore.performance_deviates')
  restorePerformanceDeviates(@Payload() event: EventOf<'restore.performance_deviates'>): Promise<void> {
    return this.notices.tell(event);
  }

  @OnEvent('restore.performance_normal')
  restorePerformanceNormal(@Payload() event: EventOf<'restore.performance_normal'>): Promise<void> {
    return this.notices.tell(event);
  }

  @OnEvent('restore.performance_watched')
  restorePerformanceWatched(@Payload() event: EventOf<'restore.performance_watched'>): Promise<void> {
    return this.notices.tell(event);
  }

  @OnEvent('verification.completed')
  verificationCompleted(@Payload() event: EventOf<'verification.completed'>): Promise<void> {
    return this.notices.tell(event);
  }

  @OnEvent('verification.failed')
  verificationFailed(@Payload() event: EventOf<'verification.failed'>): Promise<void> {
    return this.notices.tell(event);
  }

  @OnEvent('storage.usage_high')
  storageUsageHigh(@Payload() event: EventOf<'storage.usage_high'>): Promise<void> {
    return this.notices.tell(event);
  }

  @OnEvent('storage.usage_normal')
  storageUsageNormal(@Payload() event: EventOf<'storage.usage_normal'>): Promise<void> {
    return this.notices.tell(event);
  }

  @OnEvent('maintenance.completed')
  maintenanceCompleted(@Payload() event: EventOf<'maintenance.completed'>): Promise<void> {
    return this.notices.tell(event);
  }

  @OnEvent('maintenance.failed')
  maintenanceFailed(@Payload() event: EventOf<'maintenance.failed'>): Promise<void> {
    return this.notices.tell(event);
  }
}
