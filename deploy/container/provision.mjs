// Runs once before the services start: database, schemas, roles and streams. May be run again at any time.
import { resolveSecret } from '@hozen/access';
import { connectBroker, ensureStreams } from '@hozen/messaging';
import { provision } from '@hozen/persistence';

const {
  HOZEN_DATABASE_URL,
  HOZEN_DATABASE_PASSWORD,
  HOZEN_NATS_URL,
  HOZEN_ROLE_SECRETS = '/run/secrets',
} = process.env;

await provision({
  adminUrl: HOZEN_DATABASE_URL,
  adminPassword: HOZEN_DATABASE_PASSWORD && (await resolveSecret(HOZEN_DATABASE_PASSWORD)),
  passwordOf: (role) => resolveSecret(`file:${HOZEN_ROLE_SECRETS}/${role}`),
});
const broker = await connectBroker({ url: HOZEN_NATS_URL, name: 'hozen/provision', waitMs: 60_000 });
await ensureStreams(broker);
await broker.close();
