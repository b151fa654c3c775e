import { createHash } from 'node:crypto';
import { chmod, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { HozenError } from '@hozen/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../connection/connect.js';
import { inspectCluster } from '../inspection/inspect-cluster.js';
import { isRunning } from '../processes/is-running.js';
import { PrivatePostgres } from '../server/private-postgres.js';
import { findTools, type PostgresTools } from './find-tools.js';
import { runTool } from './run-tool.js';
import { databaseArgument, toolEnvironment } from './tool-environment.js';
import { toolOutput } from './tool-output.js';

const HOSTILE_NAMES = [
  'plain',
  `it's "quoted" \\ and \\'escaped`,
  'host=/nowhere dbname=postgres',
  'postgres://nobody@127.0.0.1:1/other',
  '-dashes --first',
  'new\nline\r\n\\restrict x',
  ' spaces ',
  'データベース✓',
  '$(touch /tmp/owned); `id`',
  '%s%n{0}',
];

let folder: string;
let server: PrivatePostgres;
let tools: PostgresTools;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hz-dbms-'));
  await chmod(folder, 0o711);
  server = await PrivatePostgres.start({ dataDir: join(folder, 'data'), scratch: true });
  await using client = await connect(server.address(), { applicationName: 'spec' });
  tools = await findTools((await inspectCluster(client)).versionNum);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

describe('database names', () => {
  it.each(HOSTILE_NAMES)('%j reaches psql, pg_dump and pg_restore as a name and nothing else', async (name) => {
    await using client = await connect(server.address(), { applicationName: 'spec' });
    await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
    await using env = await toolEnvironment(server.address());
    const psql = { path: tools.path('psql'), args: ['-XAtc', 'CREATE TABLE t AS SELECT current_database() AS name'] };
    await toolOutput({ ...psql, env: env.forDatabase(name) });
    const archive = await toolOutput({ path: tools.path('pg_dump'), args: ['-Fc'], env: env.forDatabase(name) });

    await client.query(`DROP DATABASE ${client.escapeIdentifier(name)}`);
    await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
    const args = ['--exit-on-error', '-d', databaseArgument(name)];
    await toolOutput({ path: tools.path('pg_restore'), args, env, stdin: Readable.from([archive]) });
    await using restored = await connect(server.address(name), { applicationName: 'spec' });
    expect((await restored.query('SELECT name FROM t')).rows).toEqual([{ name }]);
  });
});

describe('a tool', () => {
  it('has none of our environment', async () => {
    process.env['PGOPTIONS'] = '-c search_path=evil';
    process.env['PGHOSTADDR'] = '203.0.113.1';
    try {
      await using env = await toolEnvironment(
        { ...server.address(), password: 'pw' },
        { applicationName: 'hozen/r/1' },
      );
      const seen = (await toolOutput({ path: '/usr/bin/env', args: [], env })).toString();
      expect(seen).not.toMatch(/PGOPTIONS|PGHOSTADDR|pw$/m);
      expect(seen).toContain('PGAPPNAME=hozen/r/1');
      const answer = await toolOutput({ path: tools.path('psql'), args: ['-XAtc', 'SHOW application_name'], env });
      expect(answer.toString()).toBe('hozen/r/1\n');
    } finally {
      delete process.env['PGOPTIONS'];
      delete process.env['PGHOSTADDR'];
    }
  });

  it('is not done before its output is read, and all of the output arrives', async () => {
    const tool = runTool({ path: '/usr/bin/head', args: ['-c', '30000000', '/dev/zero'] });
    let bytes = 0;
    for await (const chunk of tool.stdout as AsyncIterable<Buffer>) bytes += chunk.length;
    await tool.done;
    expect(bytes).toBe(30_000_000);
  });

  it('fails with its last words, without the secret among them', async () => {
    await using env = await toolEnvironment({ ...server.address(), password: 'hunter2' });
    const script = 'for i in $(seq 9000); do echo "noise $i hunter2" >&2; done; echo "last words hunter2" >&2; exit 3';
    const error = await toolOutput({ path: '/bin/sh', args: ['-c', script], env }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'TOOL_FAILED', params: { tool: 'sh', exit: 'status 3' } });
    const { detail = '' } = error as HozenError;
    expect(detail).toMatch(/noise 9000 \*\*\*\nlast words \*\*\*$/);
    expect(detail.length).toBeLessThanOrEqual(16 * 1024);
    expect(detail).not.toContain('hunter2');
  });

  it('that is killed did not succeed', async () => {
    const tool = runTool({ path: '/bin/sh', args: ['-c', 'kill -9 $$'] });
    await expect(tool.done).rejects.toMatchObject({ code: 'TOOL_FAILED', params: { exit: 'signal SIGKILL' } });
  });

  it('that is not installed is named', async () => {
    const tool = runTool({ path: '/nowhere/pg_dump', args: [] });
    await expect(tool.done).rejects.toMatchObject({ code: 'TOOL_MISSING', params: { tool: 'pg_dump' } });
  });

  it('does not outlive an abort, nor do its children, even when they ignore SIGTERM', async () => {
    const controller = new AbortController();
    const script = 'trap "" TERM; sleep 600 & echo $!; wait; sleep 600';
    const tool = runTool({ path: '/bin/sh', args: ['-c', script], signal: controller.signal });
    const grandchild = await new Promise<number>((resolve) => {
      tool.stdout.once('data', (chunk: Buffer) => resolve(Number(chunk.toString())));
    });
    controller.abort(new HozenError('LEASE_LOST'));
    await expect(tool.done).rejects.toMatchObject({ code: 'LEASE_LOST' });
    await expect.poll(() => isRunning(grandchild)).toBe(false);
    expect(() => runTool({ path: '/bin/true', args: [], signal: controller.signal })).toThrow('lost its lease');
  });

  it.each([
    ['a stream', (half: AsyncIterable<Buffer>) => Readable.from(half)],
    ['pieces', (half: AsyncIterable<Buffer>) => half],
  ])('whose input breaks off does not succeed with the half of it (%s)', async (_, as) => {
    async function* half() {
      yield Buffer.from('first half');
      await Promise.resolve();
      throw new Error('the storage went away');
    }
    const tool = runTool({ path: '/bin/cat', args: [], stdin: as(half()) });
    tool.stdout.resume();
    await expect(tool.done).rejects.toMatchObject({ code: 'TOOL_FAILED', detail: 'the storage went away' });
  });

  it('whose input is closed without a word does not succeed either', async () => {
    const source = new PassThrough();
    source.write('first half');
    const tool = runTool({ path: '/bin/cat', args: [], stdin: source });
    await new Promise((resolve) => tool.stdout.once('data', resolve));
    source.destroy();
    await expect(tool.done).rejects.toMatchObject({ params: { exit: 'incomplete input' } });
  });

  it('that fails takes with it what it started, instead of waiting for that', async () => {
    const tool = runTool({ path: '/bin/sh', args: ['-c', 'sleep 600 & echo $!; exit 3'] });
    const child = new Promise<number>((resolve) => {
      tool.stdout.once('data', (chunk: Buffer) => resolve(Number(chunk.toString())));
    });
    await expect(tool.done).rejects.toMatchObject({ params: { exit: 'status 3' } });
    await expect.poll(async () => isRunning(await child)).toBe(false);
  });

  it('takes pieces that all come in the same memory', async () => {
    const [memory, expected] = [Buffer.alloc(100_000), createHash('sha256')];
    async function* pieces() {
      for (let n = 0; n < 50; n++) {
        expected.update(memory.fill(n));
        yield memory;
        await Promise.resolve();
      }
    }
    const found = createHash('sha256');
    const tool = runTool({ path: '/bin/cat', args: [], stdin: pieces() });
    for await (const chunk of tool.stdout) found.update(chunk as Buffer);
    await tool.done;
    expect(found.digest('hex')).toBe(expected.digest('hex'));
  });

  it('may leave pieces unread, and their source is told', async () => {
    const closed = Promise.withResolvers<void>();
    async function* endless() {
      try {
        for (;;) {
          yield Buffer.alloc(65_536);
          await Promise.resolve();
        }
      } finally {
        closed.resolve();
      }
    }
    await expect(runTool({ path: '/bin/true', args: [], stdin: endless() }).done).resolves.toEqual({ stderr: '' });
    await closed.promise;
  });

  it('may leave its input unread', async () => {
    const endless = Readable.from(
      (function* () {
        for (;;) yield Buffer.alloc(65_536);
      })(),
    );
    await expect(runTool({ path: '/bin/true', args: [], stdin: endless }).done).resolves.toEqual({ stderr: '' });
    expect(endless.destroyed).toBe(true);
  });

  it('leaves no password file', async () => {
    const env = await toolEnvironment({ ...server.address(), password: 'pw' });
    const file = env.variables['PGPASSFILE'] ?? '';
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await env[Symbol.asyncDispose]();
    await expect(stat(dirname(file))).rejects.toThrow('ENOENT');
  });

  it.each([
    ['host', { host: 'good,evil' }],
    ['password', { password: 'two\nlines' }],
    ['database', { database: 'nul\0' }],
  ])('gets no address with a dangerous %s', async (what, change) => {
    await expect(toolEnvironment({ ...server.address(), ...change })).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
      params: { what: expect.stringContaining(what) as string },
    });
  });
});
