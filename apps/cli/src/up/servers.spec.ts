import { writeFile } from 'node:fs/promises';
import { startNatsServer } from '@hozen/messaging';
import { tempDir, TestPostgres } from '@hozen/testkit';
import { expect, it } from 'vitest';
import { testContext, TestSurroundings } from '../testing/surroundings.js';
import { prepareHome } from './home.js';
import type { Say } from './say.js';
import { Secrets } from './secrets.js';
import { startServers } from './servers.js';

const NOWHERE = '127.0.0.1:1';

/** Starts with servers that the environment names. @returns what was said to be up */
async function startWith(folder: string, env: NodeJS.ProcessEnv, said: string[]): Promise<void> {
  const note = (key: string) => void said.push(key);
  const say: Say = { step: note, done: note, warn: note };
  const home = await prepareHome(folder);
  await using stack = new AsyncDisposableStack();
  await startServers(testContext(new TestSurroundings(env)), home, new Secrets(home.secrets), say, stack);
}

it('says of no given server that it is up before it has answered', async () => {
  await using folder = await tempDir();
  await using postgres = await TestPostgres.start();
  const said: string[] = [];
  await expect(
    startWith(folder.join('one'), { HOZEN_DATABASE_URL: `postgres://admin@${NOWHERE}/postgres` }, said),
  ).rejects.toMatchObject({ code: 'SERVICE_UNREACHABLE' });
  expect(said).toEqual([]);

  const env = { HOZEN_DATABASE_URL: postgres.url(), HOZEN_DATABASE_PASSWORD: `file:${folder.join('password')}` };
  await writeFile(folder.join('password'), postgres.password);
  await expect(
    startWith(folder.join('two'), { ...env, HOZEN_NATS_URL: `nats://${NOWHERE}` }, said),
  ).rejects.toMatchObject({ code: 'SERVICE_UNREACHABLE' });
  expect(said).toEqual(['up.postgres', 'up.provisioned']);

  await using nats = await startNatsServer({ storeDir: folder.join('nats') });
  await startWith(folder.join('two'), { ...env, HOZEN_NATS_URL: nats.url }, said);
  expect(said.slice(2)).toEqual(['up.postgres', 'up.provisioned', 'up.nats']);
}, 60_000);
