import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../connection/connect.js';
import { PrivatePostgres } from './private-postgres.js';
import type { PrivatePostgresOptions } from './options.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hz-dbms-'));
  // The server does not run as root.
  await chmod(folder, 0o711);
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

function start(options: Partial<PrivatePostgresOptions> = {}): Promise<PrivatePostgres> {
  return PrivatePostgres.start({ dataDir: join(folder, 'data'), scratch: true, ...options });
}

async function answer(server: PrivatePostgres, sql: string): Promise<unknown> {
  await using client = await connect(server.address(), { applicationName: 'spec' });
  const { rows } = await client.query<{ answer: unknown }>(sql);
  return rows[0]?.answer;
}

describe('a private server', () => {
  it('starts from nothing, answers through its socket alone, and leaves nothing', async () => {
    const server = await start({ superuser: 'boss' });
    const { pid } = server;
    expect(await answer(server, 'SELECT current_user AS answer')).toBe('boss');
    expect(await answer(server, "SELECT current_setting('listen_addresses') AS answer")).toBe('');
    expect((await stat(server.socketDir)).mode & 0o777).toBe(0o700);
    await server[Symbol.asyncDispose]();
    expect(() => process.kill(pid ?? 0, 0)).toThrow('ESRCH');
    expect(await readdir(folder)).toEqual([]);
  });

  it('listens on 127.0.0.1 when asked, and lets nobody in without the password', async () => {
    await using server = await start({ listen: 'tcp', password: 'pa:ss\\word' });
    const address = server.address();
    expect(address).toMatchObject({ host: '127.0.0.1', port: server.port, password: 'pa:ss\\word' });
    expect(await answer(server, 'SELECT 1 AS answer')).toBe(1);
    const { password: _, ...withoutPassword } = address;
    await expect(connect(withoutPassword, { applicationName: 'spec' })).rejects.toMatchObject({
      code: 'TARGET_AUTH_FAILED',
    });
  });

  it('moves its socket to a short folder when the data directory has a long or strange name', async () => {
    const dataDir = join(folder, 'a, folder with "everything" in it '.repeat(4));
    const server = await start({ dataDir });
    expect(await answer(server, 'SELECT 1 AS answer')).toBe(1);
    const { socketDir } = server;
    expect(socketDir).not.toBe(server.dataDir);
    await server[Symbol.asyncDispose]();
    await expect(stat(socketDir)).rejects.toThrow('ENOENT');
  });

  it('takes up an existing data directory, recovers it after a crash, and does not remove it', async () => {
    const first = await start({ keep: true });
    await answer(first, 'CREATE TABLE kept AS SELECT 7 AS answer');
    await first.stop('fast');
    await first[Symbol.asyncDispose]();
    const second = await start();
    await answer(second, 'CREATE TABLE more AS SELECT 8 AS answer');
    await second.restart('immediate');
    expect(await answer(second, 'SELECT answer FROM kept')).toBe(7);
    await second[Symbol.asyncDispose]();
    expect(await readdir(join(folder, 'data'))).toContain('PG_VERSION');
  });

  it('does not take what a killed initdb left behind for a cluster', async () => {
    await mkdir(join(folder, 'data.unfinished', 'base'), { recursive: true });
    await using server = await start();
    expect(await answer(server, 'SELECT 1 AS answer')).toBe(1);
    expect(await readdir(folder)).not.toContain('data.unfinished');
  });

  it('starts although another program has got the process number of its predecessor', async () => {
    const first = await start({ keep: true });
    await first[Symbol.asyncDispose]();
    await writeFile(join(folder, 'data', 'postmaster.pid'), `${process.pid}\n${folder}/data\n0\n5432\n\n\n0\nready\n`);
    await using second = await start();
    expect(await answer(second, 'SELECT 1 AS answer')).toBe(1);
  });

  it('says what its log says when it cannot start', async () => {
    await expect(start({ settings: { shared_buffers: 'plenty' } })).rejects.toMatchObject({
      code: 'SERVER_START_FAILED',
      detail: expect.stringContaining('invalid value for parameter "shared_buffers"') as string,
    });
    await expect(start({ initdbArgs: ['--encoding=NONSENSE'] })).rejects.toMatchObject({
      code: 'SERVER_START_FAILED',
      detail: expect.stringContaining('NONSENSE') as string,
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it('names the port that somebody else has', async () => {
    await using first = await start({ listen: 'tcp' });
    const second = start({ dataDir: join(folder, 'other'), listen: 'tcp', port: first.port });
    await expect(second).rejects.toMatchObject({ code: 'PORT_TAKEN', params: { port: first.port } });
  });
});
