import { logger } from '@hozen/telemetry';
import type { LoggerService } from '@nestjs/common';

const log = logger('nest');

/** Nest's own lines in the service's log; its many lines of starting up only when debugging. */
export class NestLog implements LoggerService {
  log(message: unknown, ...rest: unknown[]): void {
    log.debug({ rest }, String(message));
  }

  warn(message: unknown, ...rest: unknown[]): void {
    log.warn({ rest }, String(message));
  }

  error(message: unknown, ...rest: unknown[]): void {
    log.error({ rest }, String(message));
  }
}
