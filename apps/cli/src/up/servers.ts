import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { resolveSecret } from '@hozen/access';
import { PrivatePostgres } from '@hozen/dbms';
import { connectBroker, startNatsServer } from '@hozen/messaging';
import { formatDatabaseUrl, provision, roleOf, type ServiceName } from '@hozen/persistence';
import { OtlpReceiver } from '@hozen/telemetry';
import type { Context } from '../context.js';
import { runFile } from '../services/addresses.js';
import { TraceStore } from '../traces/trace-store.js';
import { KeptNats, keptPostgres } from './kept-servers.js';
import type { Home } from './home.js';
import { keepRunning } from './keep-running.js';
import { Mailbox } from './mailbox.js';
import type { Say } from './say.js';
import type { Secrets } from './secrets.js';

const CONNECT_MS = 5_000;

/** How the services reach what they stand on. */
export interface Surroundings {
  /** For each service the URL of its own role, without password. */
  databaseUrls: Record<ServiceName, string>;
  natsUrl: string;
  otlpUrl: string;
  smtpUrl: string;
}

/** Starts what was not given by the environment, and registers with `stack` how each is stopped. */
export async function startServers(
  context: Context,
  home: Home,
  secrets: Secrets,
  say: Say,
  stack: AsyncDisposableStack,
): Promise<Surroundings> {
  const { where, ...admin } = await postgres(context, home, secrets, say, stack);
  const databaseUrls = await provision({ ...admin, passwordOf: (role) => secrets.password(role) });
  // Only now: a server that was given may be down, or refuse us.
  say.done('up.postgres', { where });
  say.done('up.provisioned');
  const natsUrl = await nats(context, home, say, stack);
  const otlpUrl = context.env['OTEL_EXPORTER_OTLP_ENDPOINT'] || (await receiver(home, stack));
  const smtpUrl = context.env['HOZEN_SMTP_URL'] || stack.use(await Mailbox.start(home.mail)).url;
  return { databaseUrls, natsUrl, otlpUrl, smtpUrl };
}

/** Name of the secret with the password of a service's role. */
export function passwordName(service: ServiceName): string {
  return roleOf(service);
}

interface Admin {
  /** As it is shown. */
  where: string;
  adminUrl: string;
  adminPassword?: string;
}

async function postgres(
  context: Context,
  home: Home,
  secrets: Secrets,
  say: Say,
  stack: AsyncDisposableStack,
): Promise<Admin> {
  const { HOZEN_DATABASE_URL: given, HOZEN_DATABASE_PASSWORD: reference } = context.env;
  if (given) {
    const where = context.text('up.external', { variable: 'HOZEN_DATABASE_URL' });
    return { where, adminUrl: given, ...(reference ? { adminPassword: await resolveSecret(reference) } : {}) };
  }
  const password = await secrets.password('postgres');
  const server = await PrivatePostgres.start({
    dataDir: join(home.postgres, 'data'),
    logFile: join(home.logs, 'postgres.log'),
    listen: 'tcp',
    password,
    keep: true,
  });
  stack.use(server);
  stack.defer(keepRunning(keptPostgres('PostgreSQL', server), say));
  const { host, port, user, database } = server.address();
  const adminUrl = formatDatabaseUrl({ host, port, user, database, sslMode: 'disable' });
  return { where: `${host}:${port}`, adminUrl, adminPassword: password };
}

async function nats(context: Context, home: Home, say: Say, stack: AsyncDisposableStack): Promise<string> {
  const given = context.env['HOZEN_NATS_URL'];
  if (given) {
    // The services wait for a broker for ever; a person wants to know that it is down, or has no JetStream.
    const broker = await connectBroker({ url: given, name: 'hozen/up', waitMs: CONNECT_MS });
    await broker.close();
    say.done('up.nats', { where: context.text('up.external', { variable: 'HOZEN_NATS_URL' }) });
    return given;
  }
  const settings = { storeDir: home.nats, logFile: join(home.logs, 'nats-server.log') };
  const server = await startNatsServer(settings);
  stack.use(new KeptNats(server, settings, say));
  await writeFile(runFile(home.path, 'nats'), `${JSON.stringify({ url: server.url, pid: server.pid })}\n`, {
    mode: 0o600,
  });
  say.done('up.nats', { where: server.url });
  return server.url;
}

async function receiver(home: Home, stack: AsyncDisposableStack): Promise<string> {
  const store = new TraceStore(home.traces);
  await store.removeOld();
  stack.defer(() => store.settled());
  return stack.use(await OtlpReceiver.start({ onSpans: (spans) => store.append(spans) })).url;
}
