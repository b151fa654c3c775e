import 'reflect-metadata';
import { Inbox, JetStreamServer, Outbox } from '@hozen/messaging';
import { logger } from '@hozen/telemetry';
import { connectServiceBroker } from './connect-broker.js';
import { connectDatabase } from './connect-database.js';
import { endProcessWith } from './end-process.js';
import { createApp, listen } from './http/http-app.js';
import { Releases } from './releases.js';
import { announce } from './run-file.js';
import type { RunningService, ServiceDefinition } from './service-definition.js';
import { readServiceSettings } from './settings/service-settings.js';

const log = logger('service');

/**
 * Starts a service: settings, database, broker, application, events, HTTP. Nothing is handled before everything is
 * there, and everything is closed again when a step fails.
 * @throws HozenError SETTINGS_INVALID, SCHEMA_NEWER, BROKER_UNSUITABLE, PORT_TAKEN, SERVICE_UNREACHABLE
 */
export async function startService(definition: ServiceDefinition): Promise<RunningService> {
  const { service, name } = definition;
  const settings = await readServiceSettings(definition);
  const releases = new Releases();
  try {
    const dataSource = await connectDatabase(definition, settings, releases);
    const broker = await connectServiceBroker(name, settings, releases);
    const outbox = new Outbox({ dataSource, broker, service });
    const inbox = new Inbox(dataSource, outbox);
    const server = new JetStreamServer({ ...definition.messaging, broker, inbox, service });
    const app = await createApp(definition, { dataSource, broker, outbox, inbox, server }, settings.access, releases);
    await app.init();
    outbox.start();
    releases.push('the outbox', () => outbox.stop());
    await app.startAllMicroservices();
    releases.push('the events', () => server.close());
    const url = await listen(app, settings);
    await announce(name, settings, url, releases);
    const stop = () => releases.releaseAll();
    if (definition.ownsProcess ?? true) endProcessWith(stop);
    log.info({ url }, `${name} is up`);
    return { url, app, dataSource, broker, outbox, inbox, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await releases.releaseAll().catch((failure: unknown) => log.warn({ err: failure }, 'cleaning up failed'));
    throw error;
  }
}
