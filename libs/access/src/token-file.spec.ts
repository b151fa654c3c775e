import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asIdentity, asker, currentIdentity, requireRole } from './identity.js';
import { TokenFile } from './token-file.js';

let folder: string;
let file: TokenFile;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hz-test-'));
  file = new TokenFile(join(folder, 'access', 'tokens.json'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the tokens of an installation', () => {
  it('are none where there is no file', async () => {
    expect(await file.tokens()).toEqual([]);
    expect(await file.identify('hzt_whatever')).toBeUndefined();
  });

  it('identify who has them, and stand nowhere themselves', async () => {
    const token = await file.create('愛子', 'dba');
    expect(await file.identify(token)).toEqual({ name: '愛子', role: 'dba' });
    expect(await file.identify(`${token}x`)).toBeUndefined();
    expect(await readFile(file.path, 'utf8')).not.toContain(token.slice(4));
    expect((await stat(file.path)).mode & 0o777).toBe(0o600);
  });

  it('are seen by every reader as soon as they are made, and no longer when they are revoked', async () => {
    const other = new TokenFile(file.path);
    expect(await other.tokens()).toEqual([]);
    const token = await file.create('ops', 'operator');
    expect(await other.identify(token)).toEqual({ name: 'ops', role: 'operator' });
    await file.revoke('ops');
    expect(await other.identify(token)).toBeUndefined();
    await expect(file.revoke('ops')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('expire', async () => {
    const token = await file.create('guest', 'viewer', 2);
    expect(await file.identify(token)).toBeDefined();
    expect(await file.identify(token, new Date(Date.now() + 2 * 86_400_000 + 1000))).toBeUndefined();
  });

  it.each(['', ' ', 'two\nlines', 'x'.repeat(101)])('are not made for the name %j', async (name) => {
    await expect(file.create(name, 'viewer')).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });

  it('have one name each', async () => {
    await file.create('ops', 'viewer');
    await expect(file.create('ops', 'dba')).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });

  it.each(['{"tokens": [', '{}', '{"tokens": [{"name": "ops", "role": "root", "sha256": "", "createdAt": ""}]}'])(
    'let nobody in where the file holds %s',
    async (text) => {
      await mkdir(join(folder, 'access'));
      await writeFile(file.path, text);
      await expect(file.identify('hzt_x')).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
    },
  );

  it.skipIf(process.getuid?.() === 0)('let nobody in where the file cannot be read', async () => {
    await file.create('ops', 'viewer');
    await chmod(file.path, 0);
    await expect(new TokenFile(file.path).tokens()).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
  });
});

describe('who asks', () => {
  it('is known in everything that is done for them, and goes before what a request claims', async () => {
    expect(currentIdentity()).toBeUndefined();
    expect(asker('somebody')).toEqual({ requestedBy: 'somebody' });
    await asIdentity({ name: 'ops', role: 'operator' }, async () => {
      await Promise.resolve();
      expect(asker('somebody')).toEqual({ requestedBy: 'ops' });
    });
  });

  it('may do what the role says, and what lesser roles may', () => {
    const ops = { name: 'ops', role: 'operator' } as const;
    expect(() => requireRole(ops, 'viewer')).not.toThrow();
    expect(() => requireRole(ops, 'operator')).not.toThrow();
    expect(() => requireRole(ops, 'dba')).toThrow('ops');
  });
});
