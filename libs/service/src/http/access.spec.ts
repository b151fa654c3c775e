import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { currentIdentity, hashOf, newToken, TokenFile } from '@hozen/access';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { access } from './access.js';

let folder: TempDir;
let tokens: TokenFile;
let server: Server;
let url: string;
const starter = newToken();

beforeEach(async () => {
  folder = await tempDir();
  tokens = new TokenFile(folder.join('tokens.json'));
  const check = access({ tokens, starterSha256: hashOf(starter) });
  server = createServer((request, response) => {
    void check(request, response, () => response.end(JSON.stringify(currentIdentity() ?? null)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.close();
  await folder[Symbol.asyncDispose]();
});

async function ask(path: string, token?: string, method = 'GET'): Promise<{ status: number; body: unknown }> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(url + path, { method, headers });
  return { status: response.status, body: await response.json() };
}

describe('access to a service', () => {
  it('is open while there is no token', async () => {
    expect(await ask('/restores', undefined, 'POST')).toEqual({ status: 200, body: null });
  });

  it('needs a token as soon as there is one, but for whoever watches', async () => {
    const token = await tokens.create('ops', 'operator');
    expect(await ask('/restores')).toMatchObject({ status: 401, body: { error: { code: 'TOKEN_MISSING' } } });
    expect(await ask('/restores', `${token}x`)).toMatchObject({ status: 401 });
    expect(await ask('/restores', token)).toEqual({ status: 200, body: { name: 'ops', role: 'operator' } });
    for (const path of ['/health/live', '/metrics', '/openapi.json']) {
      expect(await ask(path)).toEqual({ status: 200, body: null });
    }
    expect(await ask('/healthy')).toMatchObject({ status: 401 });
    await tokens.revoke('ops');
    expect(await ask('/restores')).toMatchObject({ status: 200 });
  });

  it('is measured by the role', async () => {
    const [viewer, operator, dba] = [
      await tokens.create('v', 'viewer'),
      await tokens.create('o', 'operator'),
      await tokens.create('d', 'dba'),
    ];
    const statuses = async (method: string, path: string) =>
      Promise.all([viewer, operator, dba].map(async (token) => (await ask(path, token, method)).status));
    expect(await statuses('GET', '/configs?x=1')).toEqual([200, 200, 200]);
    expect(await statuses('POST', '/restores/plan')).toEqual([200, 200, 200]);
    expect(await statuses('POST', '/restores')).toEqual([403, 200, 200]);
    expect(await statuses('DELETE', '/holds/1')).toEqual([403, 200, 200]);
    expect(await statuses('PUT', '/configuration')).toEqual([403, 403, 200]);
  });

  it('is there for the process that started the service, which closes nothing for others', async () => {
    expect(await ask('/configuration', starter, 'PUT')).toEqual({
      status: 200,
      body: { name: 'hozen up', role: 'dba' },
    });
    expect(await ask('/configs')).toEqual({ status: 200, body: null });
    await tokens.create('ops', 'viewer');
    expect(await ask('/configs', starter)).toMatchObject({ status: 200 });
  });
});
