import { chmod, lstat, mkdtemp, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { prepareHome } from './home.js';
import { Secrets } from './secrets.js';

const root = process.getuid?.() === 0;
const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hozen-home-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('the data folder', () => {
  it('is closed to other users, and may be prepared again', async () => {
    await chmod(folder, 0o711);
    await prepareHome(join(folder, 'home'));
    const home = await prepareHome(join(folder, 'home'));
    expect((await modeOf(home.path)) & 0o066).toBe(0);
    for (const part of [home.secrets, home.logs, home.run, home.backups, home.mail, home.traces, home.nats]) {
      expect(await modeOf(part)).toBe(0o700);
    }
  });

  it.skipIf(!root)(
    'lets the servers through to their folders, also where its own place is closed to them',
    async () => {
      const closed = await prepareHome(join(folder, 'home'));
      try {
        for (const part of [closed.postgres, closed.sample, closed.spool]) {
          expect((await lstat(part)).isSymbolicLink()).toBe(true);
          expect(await modeOf(part)).toBe(0o711);
          for (let above = dirname(await readlink(part)); above !== '/'; above = dirname(above)) {
            expect((await modeOf(above)) & 0o001).toBe(1);
          }
        }
      } finally {
        await rm(dirname(await readlink(closed.postgres)), { recursive: true });
      }
      await chmod(folder, 0o711);
      const open = await prepareHome(join(folder, 'open'));
      expect((await lstat(open.postgres)).isSymbolicLink()).toBe(false);
    },
  );

  it('is refused where it cannot be', async () => {
    await expect(prepareHome('/dev/null/home')).rejects.toMatchObject({ code: 'STORAGE_UNWRITABLE' });
  });
});

describe('a password', () => {
  it('is made once, stays the same, and only its owner can read it', async () => {
    const secrets = new Secrets(folder);
    const both = await Promise.all([secrets.password('a'), secrets.password('a')]);
    expect(both[0]).toBe(both[1]);
    expect(await new Secrets(folder).password('a')).toBe(both[0]);
    expect(await secrets.password('b')).not.toBe(both[0]);
    expect(both[0]).toMatch(/^[\w-]{32}$/);
    expect(await modeOf(join(folder, 'a'))).toBe(0o600);
    expect(secrets.reference('a')).toBe(`file:${folder}/a`);
  });
});
