import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { STREAMS } from '@hozen/contracts';
import { connectBroker } from '@hozen/messaging';
import { roleOf, SERVICE_NAMES } from '@hozen/persistence';
import { tempDir, TestNats, TestPostgres } from '@hozen/testkit';
import { expect, it } from 'vitest';

const program = fileURLToPath(new URL('../../deploy/container/provision.mjs', import.meta.url));

it('the provisioning of the containers makes roles, schemas and streams, and may run again', async () => {
  await using postgres = await TestPostgres.start();
  await using nats = await TestNats.start();
  await using secrets = await tempDir();
  for (const service of SERVICE_NAMES) await writeFile(secrets.join(roleOf(service)), `secret-of-${service}\n`);
  const { host, port, user, database, password } = postgres.address();
  await writeFile(secrets.join('postgres'), `${password ?? ''}\n`);
  const env = {
    PATH: process.env['PATH'],
    HOZEN_DATABASE_URL: `postgres://${user}@/${database}?host=${encodeURIComponent(host)}&port=${port}`,
    HOZEN_DATABASE_PASSWORD: `file:${secrets.join('postgres')}`,
    HOZEN_NATS_URL: nats.url,
    HOZEN_ROLE_SECRETS: secrets.path,
  };
  const runIt = () => promisify(execFile)(process.execPath, [program], { env });
  await runIt();
  await runIt();
  await using broker = await connectBroker({ url: nats.url, name: 'spec' });
  const streams = await broker.jsm.streams.names().next();
  expect(streams.toSorted()).toEqual(STREAMS.map(({ name }) => name).toSorted());
});
