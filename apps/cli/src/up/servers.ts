import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { resolveSecret } from '@hozen/access';
import { PrivatePostgres } from '@hozen/dbms';
import { startNatsServer } from '@hozen/messaging';
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
  const admin = await postgres(context, home, secrets, say, stack);
  const natsUrl = await nats(context, home, say, stack);
  const otlpUrl = context.env['OTEL_EXPORTER_OTLP_ENDPOINT'] || (await receiver(home, stack));
  const smtpUrl = context.env['HOZEN_SMTP_URL'] || stack.use(await Mailbox.start(home.mail)).url;
  const databaseUrls = await provision({ ...admin, passwordOf: (role) => secrets.password(role) });
  say.done('up.provisioned');
  return { databaseUrls, natsUrl, otlpUrl, smtpUrl };
}

/** Name of the secret with the password of a service's role. */
export function passwordName(service: ServiceName): string {
  return roleOf(service);
}

interface Admin {
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
    say.done('up.postgres', { where: context.text('up.external', { variable: 'HOZEN_DATABASE_URL' }) });
    return { adminUrl: given, ...(reference ? { adminPassword: await resolveSecret(reference) } : {}) };
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
  say.done('up.postgres', { where: `${host}:${port}` });
  return { adminUrl: formatDatabaseUrl({ host, port, user, database, sslMode: 'disable' }), adminPassword: password };
}

async function nats(context: Context, home: Home, say: Say, stack: AsyncDisposableStack): Promise<string> {
  const given = context.env['HOZEN_NATS_URL'];
  if (given) {
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
