import { mkdir, writeFile } from 'node:fs/promises';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { chooseFor, findTools } from './find-tools.js';

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
  ])('are refused at version %s, which has known faults', (version, minimum) => {
    const [major = 0] = version.split('.').map(Number);
    const installed = [{ bin: '/b', major, version }];
    expect(() => chooseFor(major, installed, false)).toThrow(
      expect.objectContaining({ code: 'TOOL_UNPATCHED', params: { tool: 'pg_dump', version, minimum } }),
    );
    expect(chooseFor(major, installed, true)).toBe(installed[0]);
  });

  it('are those of the next newer major where its own have known faults', () => {
    const installed = ['18.6', '14.23', '16.15'].map((version) => ({
      bin: version,
      major: parseInt(version),
      version,
    }));
    expect(chooseFor(14, installed, false)).toMatchObject({ version: '16.15' });
    expect(chooseFor(14, installed, true)).toMatchObject({ version: '14.23' });
  });

  it('may have known faults where those who cannot upgrade say so', async () => {
    await install('13.99');
    vi.stubEnv('HOZEN_ALLOW_UNPATCHED', '1');
    expect((await findTools(130_000)).version).toBe('13.99');
  });

  it.each(['14.24', '16.15', '17.12', '18.6'])('are taken at version %s', async (version) => {
    await install(version);
    expect(await findTools(Number(version.split('.')[0]) * 10_000)).toMatchObject({ version });
  });
});
