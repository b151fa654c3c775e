import { readFile, writeFile } from 'node:fs/promises';
import { TokenFile } from '@hozen/access';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ServiceDouble } from '../testing/service-double.js';
import { TestSurroundings } from '../testing/surroundings.js';

let home: TempDir;
beforeEach(async () => {
  home = await tempDir();
});
afterEach(() => home[Symbol.asyncDispose]());

describe('hozen token', () => {
  it('makes a token that the services of this data folder know, lists it without showing it, and revokes it', async () => {
    const around = new TestSurroundings({ HOZEN_HOME: home.path });
    expect(await around.hozen('token', 'create', 'alice', '--role', 'dba', '--days', '30')).toBe('ok');
    const token = around.written.out.trim();
    const file = new TokenFile(home.join('access', 'tokens.json'));
    expect(await file.identify(token)).toEqual({ name: 'alice', role: 'dba' });
    expect(await readFile(file.path, 'utf8')).not.toContain(token);

    const lists = new TestSurroundings({ HOZEN_HOME: home.path });
    expect(await lists.hozen('token', 'list')).toBe('ok');
    expect(lists.written.out).toMatch(/alice +dba/);
    expect(await lists.hozen('token', 'list', '--json')).toBe('ok');
    expect(lists.written.out).not.toContain(token.slice(4));

    expect(await around.hozen('token', 'revoke', 'alice')).toBe('ok');
    expect(await file.identify(token)).toBeUndefined();
  });

  it('is sent with every request, from the variable or from the file it names', async () => {
    await using worker = await ServiceDouble.start(() => ({ body: { restores: [] } }));
    const url = { HOZEN_BACKUP_URL: worker.url };
    await new TestSurroundings({ ...url, HOZEN_TOKEN: 'hzt_one' }).hozen('restores');
    await writeFile(home.join('token'), 'hzt_two\n');
    await new TestSurroundings({ ...url, HOZEN_TOKEN_FILE: home.join('token') }).hozen('restores');
    await new TestSurroundings(url).hozen('restores');
    expect(worker.asked.map(({ authorization }) => authorization)).toEqual([
      'Bearer hzt_one',
      'Bearer hzt_two',
      undefined,
    ]);
  });

  it('is told apart by its end: refused for want of a token, or of a role', async () => {
    await using worker = await ServiceDouble.start(() => ({
      status: 401,
      body: { error: { code: 'TOKEN_MISSING', message: 'a token is asked for', hint: 'set HOZEN_TOKEN' } },
    }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url });
    expect(await around.hozen('restores')).toBe('rejected');
    expect(around.written.err).toContain('HOZEN_TOKEN');
  });
});
