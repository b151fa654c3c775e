import { execFileSync } from 'node:child_process';
import { chownSync, copyFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { freePort, tempDir, TestPostgres } from '@hozen/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PostgresAddress } from '../address.js';
import { copyOut } from '../copy/copy-out.js';
import { serverUser } from '../server/server-user.js';
import { connect } from './connect.js';

const NINE_ROWS = { rows: 9, bytes: 18 };
const AS = { applicationName: 'spec' };

let server: TestPostgres;
beforeAll(async () => {
  server = await TestPostgres.start();
});
afterAll(() => server[Symbol.asyncDispose]());

describe('connecting', () => {
  it('reaches the database that was asked for under the name that was asked for', async () => {
    await using client = await connect(server.address(), { applicationName: 'hozen/r/7', database: 'template1' });
    const { rows } = await client.query(`SELECT current_database() AS db, current_setting('application_name') AS name`);
    expect(rows).toEqual([{ db: 'template1', name: 'hozen/r/7' }]);
  });

  it.each([
    ['a wrong password', 'TARGET_AUTH_FAILED', () => ({ password: 'wrong' })],
    ['an unknown user', 'TARGET_AUTH_FAILED', () => ({ user: 'nobody' })],
    ['nobody listening', 'TARGET_UNREACHABLE', async () => ({ port: await freePort() })],
    ['an unknown host', 'TARGET_UNREACHABLE', () => ({ host: 'host.invalid' })],
    ['no socket', 'TARGET_UNREACHABLE', () => ({ host: '/nowhere' })],
    ['a server that cannot do TLS where it is required', 'TARGET_AUTH_FAILED', () => ({ sslMode: 'require' as const })],
  ])('tells of %s by %s', async (_, code, change) => {
    const address: PostgresAddress = { ...server.address(), target: 'db1', ...(await change()) };
    await expect(connect(address, AS)).rejects.toMatchObject({ code, params: { target: 'db1', user: address.user } });
  });

  it('never takes a password out of our own environment', async () => {
    const { password, ...address } = server.address();
    process.env['PGPASSWORD'] = password;
    try {
      await expect(connect(address, AS)).rejects.toMatchObject({ code: 'TARGET_AUTH_FAILED' });
    } finally {
      delete process.env['PGPASSWORD'];
    }
  });

  it('gives up on a server that says nothing', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const address = { ...server.address(), port };
    await expect(connect(address, { ...AS, connectTimeoutMs: 100 })).rejects.toMatchObject({
      code: 'TARGET_UNREACHABLE',
    });
    silent.close();
  });

  it('does without TLS where it is only preferred', async () => {
    await using client = await connect({ ...server.address(), sslMode: 'prefer' }, AS);
    expect((await client.query('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()')).rows).toEqual([
      { ssl: false },
    ]);
  });

  it('refuses a name that the server would cut', async () => {
    await expect(connect(server.address(), { applicationName: 'x'.repeat(64) })).rejects.toThrow(RangeError);
  });
});

describe('a connection', () => {
  it('that is lost ends nobody; its next query reports the loss', async () => {
    await using client = await connect(server.address(), AS);
    await using other = await connect(server.address(), AS);
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const lost = new Promise<void>((resolve) => client.once('end', resolve));
    await other.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
    await lost;
    await expect(client.query('SELECT 1')).rejects.toThrow();
  });

  it('ends a statement that takes too long', async () => {
    await using client = await connect(server.address(), { ...AS, statementTimeoutMs: 50 });
    await expect(client.query('SELECT pg_sleep(60)')).rejects.toMatchObject({ code: '57014' });
  });
});

describe('TLS', () => {
  it('is checked as far as the mode asks', async () => {
    await using folder = await tempDir();
    const [own, foreign] = [authority(folder.path, 'own'), authority(folder.path, 'foreign')];
    await using secure = await TestPostgres.start();
    await useCertificate(secure, own);
    await secure.restart();
    const encrypted = async (change: Partial<PostgresAddress>) => {
      await using client = await connect({ ...secure.address(), ...change }, AS);
      expect(await copyOut(client, `COPY (SELECT generate_series(1, 9)) TO STDOUT`, () => undefined)).toEqual(
        NINE_ROWS,
      );
      const { rows } = await client.query<{ ssl: boolean }>('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
      return rows[0]?.ssl;
    };
    expect(await encrypted({ sslMode: 'disable' })).toBe(false);
    expect(await encrypted({ sslMode: 'prefer' })).toBe(true);
    expect(await encrypted({ sslMode: 'require' })).toBe(true);
    expect(await encrypted({ sslMode: 'verify-ca', sslRootCert: own.certificate })).toBe(true);
    expect(await encrypted({ sslMode: 'verify-full', sslRootCert: own.certificate, host: 'localhost' })).toBe(true);
    const refused = { code: 'TARGET_AUTH_FAILED' };
    // The certificate is for "localhost" alone.
    const wrongName = encrypted({ sslMode: 'verify-full', sslRootCert: own.certificate });
    await expect(wrongName).rejects.toMatchObject(refused);
    const wrongAuthority = encrypted({ sslMode: 'verify-ca', sslRootCert: foreign.certificate });
    await expect(wrongAuthority).rejects.toMatchObject(refused);
    const noAuthority = encrypted({ sslMode: 'verify-ca', sslRootCert: folder.join('none') });
    await expect(noAuthority).rejects.toMatchObject({ code: 'SECRET_UNAVAILABLE' });
  });
});

interface Certificate {
  certificate: string;
  key: string;
}

function authority(folder: string, name: string): Certificate {
  const [certificate, key] = [`${folder}/${name}.crt`, `${folder}/${name}.key`];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', ...subject];
  execFileSync('openssl', [...request, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
  return { certificate, key };
}

async function useCertificate(server: TestPostgres, { certificate, key }: Certificate): Promise<void> {
  const owner = await serverUser();
  for (const [from, name] of [[certificate, 'server.crt'] as const, [key, 'server.key'] as const]) {
    const to = `${server.dataDir}/${name}`;
    copyFileSync(from, to);
    if (owner !== undefined) chownSync(to, owner.uid, owner.gid);
  }
  await using client = await server.client();
  await client.query('ALTER SYSTEM SET ssl = on');
}
