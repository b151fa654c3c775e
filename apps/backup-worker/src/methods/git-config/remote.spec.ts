import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { RepositorySpec } from '@hozen/contracts';
import { freePort } from '@hozen/dbms';
import { eventually, tempDir, type TempDir } from '@hozen/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backUp } from '../../backup.fixture.js';
import type { CommittedArtefact } from '../../storage/committed-artefact.js';
import { configurationJob, git, write } from './configuration.fixture.js';
import { GitServer } from './git-server.fixture.js';

const run = promisify(execFile);
const SSHD = process.env['HOZEN_SSHD'] ?? '/usr/sbin/sshd';
const PASSWORD = randomBytes(12).toString('hex');

let folder: TempDir;
let repository: string;
let clock = Date.parse('2026-01-02T03:04:05Z');
beforeEach(async () => {
  folder = await tempDir();
  repository = folder.join('remote.git');
  await write(folder.path, { 'etc/my.cnf': '[server]\n' });
  await run('git', ['init', '-q', '--bare', '-b', 'main', repository]);
  process.env['HOZEN_TEST_GIT_PASSWORD'] = PASSWORD;
});
afterEach(async () => folder[Symbol.asyncDispose]());

function backedUp(spec: Partial<RepositorySpec>): Promise<CommittedArtefact> {
  return backUp(configurationJob(folder.path, { startedAt: new Date((clock += 60_000)) }, {}, spec));
}

const commits = async () => Number(await git(repository, 'rev-list', '--count', '--all'));

describe('a repository on another machine', () => {
  it('is reached over https with a password that nobody sees, and a certificate that is known', async () => {
    await git(repository, 'config', 'http.receivepack', 'true');
    await using server = await GitServer.start(folder.path, 'deploy', PASSWORD);
    const { caFile } = server;
    const url = server.url('remote.git');
    const artefact = await backedUp({ url, caFile, user: 'deploy', password: 'env:HOZEN_TEST_GIT_PASSWORD' });
    expect(artefact.manifest.git).toMatchObject({ repository: url, changed: true });
    expect(await commits()).toBe(1);
    expect(server.requests.join('\n')).not.toContain(PASSWORD);
    expect(await readFile(join(repository, 'config'), 'utf8')).not.toContain(PASSWORD);
    expect(JSON.stringify(artefact.manifest)).not.toContain(PASSWORD);

    process.env['HOZEN_TEST_GIT_PASSWORD'] = 'wrong';
    const wrong = backedUp({ url, caFile, user: 'deploy', password: 'env:HOZEN_TEST_GIT_PASSWORD' });
    await expect(wrong).rejects.toMatchObject({ code: 'REPOSITORY_REFUSED', params: { reason: 'key or password' } });
    await expect(backedUp({ url, caFile })).rejects.toMatchObject({ code: 'REPOSITORY_REFUSED' });
    const unknown = backedUp({ url, user: 'deploy', password: 'env:HOZEN_TEST_GIT_PASSWORD' });
    await expect(unknown).rejects.toMatchObject({ code: 'REPOSITORY_REFUSED', params: { reason: 'its certificate' } });
    const missing = backedUp({ url, caFile, user: 'deploy', password: 'env:HOZEN_TEST_NOTHING' });
    await expect(missing).rejects.toMatchObject({ code: 'SECRET_UNAVAILABLE' });
    expect(await commits()).toBe(1);
  });

  it.skipIf(!existsSync(SSHD))('is reached over ssh with a key, and only where its host key is known', async () => {
    for (const name of ['host', 'client', 'other']) {
      await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', folder.join(name)]);
    }
    const port = await freePort();
    await writeFile(folder.join('authorized'), await readFile(folder.join('client.pub')), { mode: 0o600 });
    await writeFile(folder.join('sshd_config'), sshdConfig(port, folder));
    const [type = '', key = ''] = (await readFile(folder.join('host.pub'), 'utf8')).split(' ');
    await writeFile(folder.join('known hosts'), `[127.0.0.1]:${port} ${type} ${key}\n`);
    // What its service would make.
    if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
    const server = spawn(SSHD, ['-D', '-e', '-f', folder.join('sshd_config')], { stdio: 'ignore' });
    try {
      await eventually(() =>
        run('ssh-keyscan', ['-p', String(port), '127.0.0.1']).then(({ stdout }) => expect(stdout).not.toBe('')),
      );
      const { stdout: user } = await run('id', ['-un']);
      const url = `ssh://${user.trim()}@127.0.0.1:${port}${repository}`;
      const spec = { url, key: `file:${folder.join('client')}`, knownHosts: folder.join('known hosts') };
      expect((await backedUp(spec)).manifest.git).toMatchObject({ repository: url, changed: true });
      expect(await commits()).toBe(1);
      await expect(backedUp({ ...spec, key: `file:${folder.join('other')}` })).rejects.toMatchObject({
        code: 'REPOSITORY_REFUSED',
        params: { reason: 'key or password' },
      });
      await expect(backedUp({ ...spec, knownHosts: '/dev/null' })).rejects.toMatchObject({
        code: 'REPOSITORY_REFUSED',
        params: { reason: 'its host key is not among the known ones' },
      });
    } finally {
      server.kill('SIGKILL');
      if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
    }
  });
});

function sshdConfig(port: number, { path }: TempDir): string {
  return `Port ${port}
ListenAddress 127.0.0.1
HostKey ${path}/host
AuthorizedKeysFile ${path}/authorized
PidFile none
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
PermitRootLogin prohibit-password
`;
}
