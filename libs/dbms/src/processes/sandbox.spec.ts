import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { processesMatching, tempDir, type TempDir } from '@hozen/testkit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { connect } from '../connection/connect.js';
import { connectMariadb } from '../mariadb/connect-mariadb.js';
import { PrivateMariadb } from '../mariadb/private-mariadb.js';
import { PrivatePostgres } from '../server/private-postgres.js';
import { runTool } from '../tools/run-tool.js';
import { ToolEnvironment, toolEnvironment } from '../tools/tool-environment.js';
import { toolOutput } from '../tools/tool-output.js';
import type { ToolRun } from '../tools/tool-run.js';
import { findTools } from '../tools/find-tools.js';
import { findProgram } from './find-program.js';
import { whyUnconfined } from './sandbox.js';

let folder: TempDir;
let secret: string;
let canary: string;
beforeEach(async () => {
  folder = await tempDir();
  // Nothing but the sandbox keeps anybody out.
  await chmod(folder.path, 0o777);
  [secret, canary] = [folder.join('secret'), folder.join('canary')];
  await writeFile(secret, 'the key', { mode: 0o644 });
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await folder[Symbol.asyncDispose]();
});

async function shell(script: string, run: Partial<ToolRun> = {}): Promise<string> {
  return (await toolOutput({ path: '/bin/sh', args: ['-c', script], sandbox: {}, ...run })).toString('utf8');
}

const isThere = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

const missing = await whyUnconfined();
const skipped = missing === undefined ? '' : ` (skipped, no sandbox can be had here: ${missing})`;

describe.skipIf(missing !== undefined)(`a program in a sandbox${skipped}`, () => {
  it('sees the files that are named, and may write where that is said', async () => {
    const out = folder.join('out');
    await mkdir(out);
    await shell(`cat '${secret}' > '${out}/copy'`, { sandbox: { reads: [secret], writes: [out] } });
    expect(await readFile(`${out}/copy`, 'utf8')).toBe('the key');
    await shell(`echo changed > '${secret}' || true`, { sandbox: { reads: [secret] } });
    expect(await readFile(secret, 'utf8')).toBe('the key');
  });

  it('sees nothing else, and leaves nothing', async () => {
    const script = `cat '${secret}' 2>&1 || true; echo x > '${canary}' || true; ls -A "$HOME" '${homedir()}' 2>/dev/null || true`;
    expect(await shell(script)).toMatch(/^cat: .*: No such file or directory\n(?:\/home:\n)?$/);
    expect(await isThere(canary)).toBe(false);
    const outside = await shell(script, { sandbox: undefined as never });
    expect(outside).toContain('the key');
    expect(await isThere(canary)).toBe(true);
  });

  it('that is not among those of the system has what comes with it, and no more', async () => {
    await mkdir(folder.join('own', 'bin'), { recursive: true });
    await writeFile(folder.join('own', 'share'), 'comes with it');
    const path = folder.join('own', 'bin', 'program');
    await writeFile(path, `#!/bin/sh\ncat "\${0%/*}/../share"; cat '${secret}' 2>/dev/null; echo\n`, { mode: 0o755 });
    await mkdir(folder.join('links'));
    await symlink(path, folder.join('links', 'linked'));
    expect((await toolOutput({ path, args: [], sandbox: {} })).toString()).toBe('comes with it\n');
    const linked = await toolOutput({ path: folder.join('links', 'linked'), args: [], sandbox: {} });
    expect(linked.toString()).toBe('\n');
  });

  it('of a system unpacked below a folder has all of that system', async () => {
    const bin = folder.join('tree', 'usr', 'lib', 'dbms', 'bin');
    await mkdir(bin, { recursive: true });
    await mkdir(folder.join('tree', 'lib'));
    await copyFile('/bin/dash', folder.join('tree', 'lib', 'interpreter'));
    await writeFile(join(bin, 'program'), `#!${folder.join('tree', 'lib', 'interpreter')}\necho runs\n`, {
      mode: 0o755,
    });
    expect((await toolOutput({ path: join(bin, 'program'), args: [], sandbox: {} })).toString()).toBe('runs\n');
  });

  it('has no network, not even that of this machine, unless its server is reached by one', async () => {
    const server = createServer((socket) => socket.end('hello\n')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const script = `exec 3<>/dev/tcp/127.0.0.1/${port} && cat <&3 || true`;
    const ask = (env?: ToolEnvironment) => shell(script, { path: '/bin/bash', ...(env ? { env } : {}) });
    try {
      expect(await ask()).toBe('');
      expect(await ask(new ToolEnvironment({}, undefined, [], { network: true }))).toBe('hello\n');
    } finally {
      server.close();
    }
  });

  it('sees no process but its own, and may no more than open files', async () => {
    const seen = await shell('cat /proc/[0-9]*/comm; grep -E "CapEff|NoNewPrivs" /proc/self/status');
    const openFiles = process.getuid?.() === 0 ? 2 : 0;
    expect(seen).toContain(`CapEff:\t000000000000000${openFiles}\nNoNewPrivs:\t1\n`);
    expect(seen).not.toContain('node');
  });

  it('reaches the socket of a server of another user', async () => {
    await using server = await PrivatePostgres.start({ dataDir: folder.join('data'), scratch: true });
    await using env = await toolEnvironment(server.address());
    const path = (await findTools(140_000)).path('psql');
    const script = `\\! cat '${secret}'\n\\copy (SELECT 1) TO PROGRAM 'cat > ${canary}'\n\\i ${secret}\nSELECT 'it' AS is;`;
    const answer = await toolOutput({ path, args: ['-XAt'], env, sandbox: {}, stdin: Readable.from([script]) });
    expect(answer.toString('utf8')).toBe('COPY 1\nit\n');
    expect(await isThere(canary)).toBe(false);
  });

  it('tells how it ended', async () => {
    await expect(shell('exit 3')).rejects.toMatchObject({ code: 'TOOL_FAILED', params: { exit: 'status 3' } });
    await expect(shell('kill -9 $$')).rejects.toMatchObject({ params: { exit: 'signal SIGKILL' } });
    const nothing = runTool({ path: '/usr/bin/nowhere', args: [], sandbox: {} });
    await expect(nothing.done).rejects.toMatchObject({ code: 'TOOL_MISSING' });
  });

  it('ends when it is told to, with all that it has started', async () => {
    const file = folder.join('followed');
    await writeFile(file, '');
    const controller = new AbortController();
    const script = `tail -f '${file}' & echo there; trap "" TERM; wait; wait`;
    const args = ['-c', script];
    const tool = runTool({ path: '/bin/sh', args, sandbox: { reads: [file] }, signal: controller.signal });
    await once(tool.stdout, 'data');
    controller.abort(new Error('no more'));
    await expect(tool.done).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(await processesMatching(file)).toEqual([]);
  });
});

describe('without bubblewrap', () => {
  beforeEach(async () => {
    const bin = folder.join('bin');
    await mkdir(bin);
    await writeFile(`${bin}/setpriv`, `#!/bin/sh\nexec ${findProgram('setpriv')} "$@"\n`, { mode: 0o755 });
    vi.stubEnv('PATH', bin);
  });

  it('a program runs as it is, and why is told', async () => {
    expect(await shell(`cat '${secret}'`)).toBe('the key');
    expect(await whyUnconfined()).toBe('bwrap is not installed');
  });

  it('none runs where a sandbox is required', async () => {
    vi.stubEnv('HOZEN_SANDBOX', 'require');
    await expect(shell(`touch '${canary}'`)).rejects.toMatchObject({ code: 'SANDBOX_MISSING' });
    const dataDir = folder.join('data');
    await expect(PrivatePostgres.start({ dataDir, sandbox: {} })).rejects.toMatchObject({ code: 'SANDBOX_MISSING' });
    expect(await isThere(canary)).toBe(false);
  });

  it('nothing is said where nobody wants one', async () => {
    vi.stubEnv('HOZEN_SANDBOX', 'off');
    expect(await whyUnconfined()).toBeUndefined();
  });
});

/** Lets the server read and write wherever it can. */
const OPEN = { 'secure-file-priv': '' };

describe.skipIf(missing !== undefined)(`a server in a sandbox${skipped}`, () => {
  it('of PostgreSQL lets not even its superuser reach anything of this machine', async () => {
    await using server = await PrivatePostgres.start({ dataDir: folder.join('data'), scratch: true, sandbox: {} });
    await using client = await connect(server.address(), { applicationName: 'spec' });
    const attempt = (sql: string) => client.query<{ text: string }>(sql).then(({ rows }) => rows[0]?.text, String);
    await attempt(`COPY (SELECT 1) TO PROGRAM 'cat > ${canary}'`);
    await attempt(`COPY (SELECT 1) TO '${canary}'`);
    expect(await attempt(`SELECT pg_read_file('${secret}') AS text`)).toContain('No such file');
    expect(await isThere(canary)).toBe(false);
    await client.query('CREATE TABLE seen (line text)');
    await client.query(`COPY seen FROM PROGRAM 'cat /proc/net/dev'`);
    const { rows } = await client.query<{ line: string }>(`SELECT line FROM seen WHERE line LIKE '%:%'`);
    expect(rows.map(({ line }) => line.trim().split(':')[0])).toEqual(['lo']);
  });

  it('of PostgreSQL would reach all of it without one', async () => {
    await using server = await PrivatePostgres.start({ dataDir: folder.join('data'), scratch: true });
    await using client = await connect(server.address(), { applicationName: 'spec' });
    await client.query(`COPY (SELECT 1) TO PROGRAM 'cat > ${canary}'`);
    expect(await isThere(canary)).toBe(true);
    expect((await client.query(`SELECT pg_read_file('${secret}') AS text`)).rows).toEqual([{ text: 'the key' }]);
  });

  it('of PostgreSQL stops as it should, starts again, and leaves nothing', async () => {
    const dataDir = folder.join('data');
    const server = await PrivatePostgres.start({ dataDir, sandbox: {} });
    const { pid = 0 } = server;
    await server.restart('fast');
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    expect(await readFile(server.logFile, 'utf8')).toContain('database system is shut down');
    await server.restart('immediate');
    await using client = await connect(server.address(), { applicationName: 'spec' });
    await client.query('SELECT 1');
    await server[Symbol.asyncDispose]();
    expect(await isThere(dataDir)).toBe(false);
    expect(await processesMatching(dataDir)).toEqual([]);
  });

  it.skipIf(!existsSync('/usr/sbin/mariadbd'))(
    'of MariaDB reaches nothing of this machine, and stops as it should',
    async () => {
      const dataDir = folder.join('data');
      const server = await PrivateMariadb.start({ dataDir, sandbox: {}, settings: OPEN });
      {
        await using client = await connectMariadb(server.address());
        const read = await client.query<{ text: unknown }>(`SELECT load_file('${secret}') AS text`);
        expect(read).toEqual([{ text: null }]);
        await client.query(`SELECT 1 INTO OUTFILE '${canary}'`).catch(() => undefined);
      }
      await server.restart();
      expect(await readFile(`${dataDir}.log`, 'utf8')).toContain('Shutdown complete');
      await server[Symbol.asyncDispose]();
      expect(await isThere(canary)).toBe(false);
      expect(await processesMatching(dataDir)).toEqual([]);
    },
  );
});
