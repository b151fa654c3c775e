import { logger } from '@hozen/telemetry';
import type { Logger } from 'typeorm';

const log = logger('typeorm');

/** TypeORM's own lines in the service's log. Statements are left out: their parameters may be anything. */
export class TypeOrmLog implements Logger {
  logQuery(): void {
    // Traces show the statements.
  }

  logQueryError(): void {
    // The error is thrown; who catches it logs it.
  }

  logQuerySlow(time: number): void {
    log.warn({ milliseconds: time }, 'a slow statement');
  }

  logSchemaBuild(message: string): void {
    log.debug(message);
  }

  logMigration(message: string): void {
    log.info(message);
  }

  log(level: 'log' | 'info' | 'warn', message: unknown): void {
    log[level === 'warn' ? 'warn' : 'debug'](String(message));
  }
}
