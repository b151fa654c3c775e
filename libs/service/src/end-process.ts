import { logger, shutdownTelemetry } from '@hozen/telemetry';

const log = logger('service');

const LONGEST_STOP_MS = 45_000;

/**
 * The process ends by our hand only: the first SIGTERM or SIGINT stops in order, the second ends at once. What nobody
 * caught ends the process as well: a service in an unknown state must not go on; it is started again.
 */
export function endProcessWith(stop: () => Promise<void>): void {
  let stopping = false;
  const onSignal = (signal: NodeJS.Signals) => {
    if (stopping) process.exit(1);
    stopping = true;
    log.info({ signal }, 'stopping');
    void end(stop);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  process.on('uncaughtException', (error) => void die(error, 'an error that nobody caught'));
  process.on('unhandledRejection', (error) => void die(error, 'a rejection that nobody handled'));
}

async function end(stop: () => Promise<void>): Promise<void> {
  const timer = setTimeout(() => {
    log.error('stopping takes too long; ending');
    process.exit(1);
  }, LONGEST_STOP_MS);
  let code = 0;
  try {
    await stop();
  } catch (error) {
    code = 1;
    log.error({ err: error }, 'the service did not stop cleanly');
  }
  await shutdownTelemetry();
  clearTimeout(timer);
  process.exit(code);
}

async function die(failure: unknown, what: string): Promise<void> {
  log.fatal({ err: failure }, what);
  const timer = setTimeout(() => process.exit(1), 2_000);
  await shutdownTelemetry().catch(() => undefined);
  clearTimeout(timer);
  process.exit(1);
}
