import { PrivatePostgres } from '@hozen/dbms';
import { connectBroker, startNatsServer } from '@hozen/messaging';
import { tempDir } from '@hozen/testkit';
import { expect, it } from 'vitest';
import { keepRunning } from './keep-running.js';
import { KeptNats, keptPostgres } from './kept-servers.js';
import type { Say } from './say.js';

function listening(): { say: Say; said: string[] } {
  const said: string[] = [];
  const note = (key: string) => void said.push(key);
  return { said, say: { step: note, done: note, warn: note } };
}

it('a broker that is killed comes back on its port', async () => {
  await using folder = await tempDir();
  const { say, said } = listening();
  const settings = { storeDir: folder.join('nats'), logFile: folder.join('nats.log') };
  const server = await startNatsServer(settings);
  await using kept = new KeptNats(server, settings, say);
  expect(kept).toBeDefined();
  process.kill(server.pid, 'SIGKILL');
  await expect.poll(() => said, { timeout: 20_000 }).toEqual(['up.server-restarted']);
  await using broker = await connectBroker({ url: server.url, name: 'spec', waitMs: 10_000 });
  expect(broker.isConnected).toBe(true);
});

it('a PostgreSQL server that is killed comes back on its port, and one that is stopped stays stopped', async () => {
  await using folder = await tempDir();
  const { say, said } = listening();
  await using server = await PrivatePostgres.start({
    dataDir: folder.join('data'),
    scratch: true,
    listen: 'tcp',
    password: 'p',
  });
  const { port } = server;
  const unwatch = keepRunning(keptPostgres('PostgreSQL', server), say, 50);
  process.kill(server.pid ?? 0, 'SIGKILL');
  await expect.poll(() => said, { timeout: 30_000 }).toEqual(['up.server-restarted']);
  expect(server.port).toBe(port);
  await unwatch();
  await server.stop();
  expect(server.pid).toBeUndefined();
});
