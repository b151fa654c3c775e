import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hashOf } from '@hozen/access';
import type { ServiceName } from '@hozen/persistence';
import type { Context } from '../context.js';
import { tokensFile } from '../context.js';
import { runFile, SERVICES, type Service } from '../services/addresses.js';
import type { Home } from './home.js';
import type { Say } from './say.js';
import type { Secrets } from './secrets.js';
import { passwordName, type Surroundings } from './servers.js';
import { SupervisedService } from './supervised-service.js';

const READY_MS = 90_000;

/** The schema that a service's tables are in. */
const SCHEMAS: Readonly<Record<Service, ServiceName>> = {
  'backup-worker': 'backup',
  scheduler: 'scheduler',
  'maintenance-worker': 'maintenance',
  notifier: 'notifier',
};

const APPS = fileURLToPath(new URL('../../../', import.meta.url));

/** Starts all services at once and waits until every one is ready. */
export async function startServices(
  context: Context,
  home: Home,
  secrets: Secrets,
  surroundings: Surroundings,
  say: Say,
  stack: AsyncDisposableStack,
): Promise<void> {
  say.step('up.services');
  const services: SupervisedService[] = [];
  // All at once: each finishes what it is doing, and that takes as long as the slowest, not as the sum.
  stack.defer(async () => {
    await Promise.all(services.map((service) => service.stop()));
  });
  for (const service of SERVICES) {
    const logFile = join(home.logs, `${service}.log`);
    services.push(
      await SupervisedService.launch({
        service,
        args: programOf(service),
        env: environmentOf(context, home, secrets, surroundings, service),
        logFile,
        runFile: runFile(home.path, service),
        onDeath: (how, pauseMs) => say.warn('up.service-died', { service, how, seconds: pauseMs / 1000, log: logFile }),
      }),
    );
  }
  await Promise.all(
    services.map(async (process, index) => {
      const url = await process.ready(READY_MS, context.signal);
      say.done('up.service-ready', { service: SERVICES[index] as Service, url });
    }),
  );
}

function programOf(service: Service): string[] {
  const register = fileURLToPath(import.meta.resolve('@hozen/telemetry/register'));
  return ['--import', register, join(APPS, service, 'dist', 'main.js')];
}

function environmentOf(
  context: Context,
  home: Home,
  secrets: Secrets,
  surroundings: Surroundings,
  service: Service,
): NodeJS.ProcessEnv {
  const schema = SCHEMAS[service];
  const { HOZEN_TOKEN: starterToken = '', ...env } = context.env;
  return {
    ...env,
    HOZEN_HOME: home.path,
    HOZEN_TOKENS_FILE: tokensFile(context),
    HOZEN_STARTER_TOKEN_SHA256: hashOf(starterToken),
    HOZEN_DATABASE_URL: surroundings.databaseUrls[schema],
    HOZEN_DATABASE_PASSWORD: secrets.reference(passwordName(schema)),
    HOZEN_NATS_URL: surroundings.natsUrl,
    HOZEN_SMTP_URL: surroundings.smtpUrl,
    OTEL_EXPORTER_OTLP_ENDPOINT: surroundings.otlpUrl,
    OTEL_SERVICE_NAME: service,
    HOST: '127.0.0.1',
    PORT: '0',
  };
}
