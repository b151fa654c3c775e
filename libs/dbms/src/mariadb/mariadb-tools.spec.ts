import { mkdir, writeFile } from 'node:fs/promises';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { findMariadbTool, type MariadbTool } from './mariadb-tools.js';

let folder: TempDir;
beforeEach(async () => {
  folder = await tempDir();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await folder[Symbol.asyncDispose]();
});

/** Stands in for installations that are not on this machine. */
async function install(bin: string, program: string, says: string): Promise<void> {
  await mkdir(folder.join(bin), { recursive: true });
  const script = `#!/bin/sh\necho "${program}  Ver ${says}"\n`;
  await writeFile(folder.join(bin, program), script, { mode: 0o755 });
}

function find(tool: MariadbTool, version: string): Promise<string> {
  return findMariadbTool(tool, { flavour: 'mysql', version }).then(({ path }) => path.slice(folder.path.length + 1));
}

describe('the programs for a MySQL server', () => {
  it('are none of MariaDB, whatever they are called', async () => {
    await install('one/bin', 'mysqldump', '10.19 Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)');
    await install('other/bin', 'mysqldump', '88.4.3 for Linux on x86_64 (MySQL Community Server - GPL)');
    vi.stubEnv('HOZEN_MYSQL_BIN', `${folder.join('one/bin')}:${folder.join('other/bin')}`);
    expect(await find('dump', '88.0.1')).toBe('other/bin/mysqldump');
  });

  it('are the first that are not older than it, and the server itself one of its series, beside them', async () => {
    for (const [bin, version] of [
      ['old', '88.4.3'],
      ['new', '89.1.0'],
    ]) {
      await install(`${bin}/bin`, 'mysqldump', `${version} for Linux on x86_64 (MySQL Community Server - GPL)`);
      await install(`${bin}/sbin`, 'mysqld', `${version} for Linux on x86_64 (MySQL Community Server - GPL)`);
    }
    vi.stubEnv('HOZEN_MYSQL_BIN', `${folder.join('new/bin')}:${folder.join('old/bin')}`);
    expect(await find('dump', '88.4.9')).toBe('new/bin/mysqldump');
    expect(await find('server', '88.4.9')).toBe('old/sbin/mysqld');
    vi.stubEnv('HOZEN_MYSQL_BIN', `${folder.join('old/bin')}:${folder.join('new/bin')}`);
    expect(await find('dump', '88.4.9')).toBe('old/bin/mysqldump');
    expect(await find('dump', '88.7.0')).toBe('new/bin/mysqldump');
  });

  it('are said to be too old by whoever uses them: they are the first where none fits', async () => {
    await install('bin', 'mysqldump', '88.4.3 for Linux on x86_64 (MySQL Community Server - GPL)');
    vi.stubEnv('HOZEN_MYSQL_BIN', folder.join('bin'));
    vi.stubEnv('PATH', '');
    const found = await findMariadbTool('dump', { flavour: 'mysql', version: '99.0.0' });
    expect(found.version).toBe('88.4.3');
    await expect(findMariadbTool('client', { flavour: 'mysql' })).rejects.toMatchObject({ code: 'PROGRAM_MISSING' });
  });
});
