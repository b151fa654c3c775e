import { connectBroker, type Broker } from '@hozen/messaging';
import type { Releases } from './releases.js';
import type { ServiceSettings } from './settings/service-settings.js';

/** Waits for the broker for as long as it takes: without it there is nothing to do. */
export async function connectServiceBroker(
  name: string,
  settings: ServiceSettings,
  releases: Releases,
): Promise<Broker> {
  const creds = settings.natsCredentials;
  const broker = await connectBroker({
    url: settings.natsUrl,
    name: `hozen/${name}`,
    ...(creds === undefined ? {} : { credentials: { creds } }),
  });
  releases.push('the broker', () => broker.close());
  return broker;
}
