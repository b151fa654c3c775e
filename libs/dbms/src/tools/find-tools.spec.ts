import { mkdir, writeFile } from 'node:fs/promises';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { findTools } from './find-tools.js';

let folder: TempDir;
beforeEach(async () => {
  folder = await tempDir();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await folder[Symbol.asyncDispose]();
});

/** Stands in for installations that are not on this machine. The majors are far from any real one. */
async function install(version: string, setting = `HOZEN_PG_BIN_${version.split('.')[0]}`): Promise<string> {
  const bin = folder.join(version);
  await mkdir(bin, { recursive: true });
  await writeFile(`${bin}/pg_dump`, `#!/bin/sh\necho "pg_dump (PostgreSQL) ${version} (Debian)"\n`, { mode: 0o755 });
  vi.stubEnv(setting, bin);
  return bin;
}

describe('the tools for a server', () => {
  it('are those of its own major', async () => {
    await install('91.2');
    const bin = await install('90.1');
    const tools = await findTools(900_001);
    expect(tools).toMatchObject({ major: 90, version: '90.1' });
    expect(tools.path('pg_dump')).toBe(`${bin}/pg_dump`);
  });

  it('are those of the next newer major where its own is not installed', async () => {
    await install('93.0');
    await install('92.3');
    expect(await findTools(910_000)).toMatchObject({ major: 92 });
  });

  it('are never older ones', async () => {
    await install('90.1');
    await expect(findTools(950_000)).rejects.toMatchObject({
      code: 'TOOL_TOO_OLD',
      params: { server: 95, client: '90.1' },
    });
  });

  it('are all there, or the missing one is named', async () => {
    await install('90.1');
    const tools = await findTools(900_001);
    expect(() => tools.path('pg_restore')).toThrow('pg_restore of PostgreSQL 90 was not found');
  });

  it('are noticed when they were upgraded meanwhile', async () => {
    const bin = await install('90.1');
    expect((await findTools(900_001)).version).toBe('90.1');
    await writeFile(`${bin}/pg_dump`, '#!/bin/sh\necho "pg_dump (PostgreSQL) 90.11"\n');
    expect((await findTools(900_001)).version).toBe('90.11');
  });

  it.each([
    ['14.23', '14.24'],
    ['16.14', '16.15'],
    ['17.10', '17.11'],
    ['18.5', '18.6'],
    ['13.99', '14.24'],
  ])('are refused at version %s, which has known faults', async (version, minimum) => {
    vi.stubEnv('PATH', '/usr/bin:/bin');
    await install(version);
    const server = Number(version.split('.')[0]) * 10_000;
    await expect(findTools(server)).rejects.toMatchObject({ code: 'TOOL_UNPATCHED', params: { version, minimum } });
    vi.stubEnv('HOZEN_ALLOW_UNPATCHED', '1');
    expect((await findTools(server)).version).toBe(version);
  });

  it.each(['14.24', '16.15', '17.12', '18.6'])('are taken at version %s', async (version) => {
    await install(version);
    expect(await findTools(Number(version.split('.')[0]) * 10_000)).toMatchObject({ version });
  });
});
