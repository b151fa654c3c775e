import { createServer } from 'node:net';
import { once } from 'node:events';
import { chmod } from 'node:fs/promises';
import { tempDir } from '@hozen/testkit';
import { expect, it } from 'vitest';
import { prepareHome } from './home.js';
import { startSample } from './sample.js';
import type { Say } from './say.js';
import { Secrets } from './secrets.js';

const silent: Say = { step: () => undefined, done: () => undefined, warn: () => undefined };

it('the sample server has the port that it had, for runs that go on, and another one where that is taken', async () => {
  await using folder = await tempDir();
  await chmod(folder.path, 0o711);
  const home = await prepareHome(folder.join('home'));
  const port = async () => {
    await using stack = new AsyncDisposableStack();
    return (await startSample(home, new Secrets(home.secrets), silent, stack)).port;
  };
  const first = await port();
  expect(await port()).toBe(first);
  const other = createServer().listen(first, '127.0.0.1');
  await once(other, 'listening');
  expect(await port()).not.toBe(first);
  other.close();
}, 120_000);
