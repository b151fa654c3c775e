import { HozenError } from '@hozen/contracts';
import { Module, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { NestLog } from '../nest-log.js';
import type { Releases } from '../releases.js';
import type { ServiceDefinition } from '../service-definition.js';
import type { ServiceSettings } from '../settings/service-settings.js';
import { SharedModule, type SharedProviders } from '../shared.module.js';
import type { AccessSettings } from './access.js';
import { HealthController } from './health.controller.js';
import { prepareHttp } from './prepare-http.js';

/** How long requests under way may take while stopping. */
const LONGEST_REQUEST_MS = 5_000;

@Module({ controllers: [HealthController] })
class RootModule {
  static of(definition: ServiceDefinition, shared: SharedProviders): DynamicModule {
    return { module: RootModule, imports: [SharedModule.with(shared), definition.module] };
  }
}

/** The Nest application with HTTP and events; nothing runs yet. */
export async function createApp(
  definition: ServiceDefinition,
  shared: SharedProviders,
  accessTo: AccessSettings,
  releases: Releases,
): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(RootModule.of(definition, shared), {
    logger: new NestLog(),
    bodyParser: false,
    abortOnError: false,
  });
  releases.push('the application', () => close(app));
  app.connectMicroservice({ strategy: shared.server });
  prepareHttp(app, `Hozen ${definition.name}`, accessTo);
  return app;
}

/** @returns the address under which the service answers @throws HozenError PORT_TAKEN */
export async function listen(app: NestExpressApplication, settings: ServiceSettings): Promise<string> {
  try {
    await app.listen(settings.port, settings.host);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new HozenError('PORT_TAKEN', { port: settings.port }, { cause: error });
  }
  const { port } = app.getHttpServer().address() as { port: number };
  return `http://${reachable(settings.host)}:${port}`;
}

/** "Every address" is none that a client could connect to. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

async function close(app: NestExpressApplication): Promise<void> {
  const server = app.getHttpServer() as { closeAllConnections(): void };
  const timer = setTimeout(() => server.closeAllConnections(), LONGEST_REQUEST_MS);
  await app.close();
  clearTimeout(timer);
}
