import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { lockHome } from './lock.js';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'hozen-lock-'));
  await mkdir(join(home, 'run'));
});
afterEach(async () => {
  await rm(home, { recursive: true });
});

it('lets one in, names it to the next, and lets that one in afterwards', async () => {
  const unlock = await lockHome(home);
  await expect(lockHome(home)).rejects.toMatchObject({
    code: 'ALREADY_RUNNING',
    params: { pid: String(process.pid), home },
  });
  await unlock();
  await (
    await lockHome(home)
  )();
});

it('is free at once when its holder is killed', async () => {
  const built = fileURLToPath(new URL('../../dist/up/lock.js', import.meta.url));
  const program = `import { lockHome } from '${built}'; await lockHome('${home}'); process.stdout.write('locked'); setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  await expect(lockHome(home)).rejects.toMatchObject({ params: { pid: String(holder.pid) } });
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  await expect
    .poll(() =>
      lockHome(home).then(
        (unlock) => unlock().then(() => 'locked'),
        () => 'taken',
      ),
    )
    .toBe('locked');
});
