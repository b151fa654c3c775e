import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const lib = (name: string) => pathToFileURL(join(root, 'scripts/lib', name)).href;
const run = promisify(execFile);

let machine: TempDir;
beforeEach(async () => {
  machine = await tempDir();
  await mkdir(machine.join('bin'));
});
afterEach(async () => {
  await machine[Symbol.asyncDispose]();
});

/** A program of the pretended machine. */
async function program(name: string, body: string): Promise<void> {
  await writeFile(machine.join('bin', name), `#!/bin/sh\n${body}\n`);
  await chmod(machine.join('bin', name), 0o755);
}

/**
 * Runs code of the bootstrap as on a machine that has only the programs of {@link program} and no PostgreSQL, and tells
 * what a person would see.
 */
async function bootstrap(body: string, env: NodeJS.ProcessEnv = {}): Promise<{ code: number; shown: string }> {
  const file = machine.join('script.mjs');
  await writeFile(file, body);
  const settings = {
    PATH: machine.join('bin'),
    HOZEN_SETUP_POSTGRES_HOME: machine.join('postgresql'),
    HOZEN_SETUP_EXTENSIONS_HOME: machine.join('share'),
    HOZEN_SETUP_SERVER_FOLDERS: '',
    ...env,
  };
  const done = await run(process.execPath, [file], { env: settings }).catch((error: object) => error);
  const { code = 0, stdout, stderr } = done as { code?: number; stdout: string; stderr: string };
  return { code, shown: stdout + stderr };
}

const ENSURE = `
import { script } from '${lib('say.mjs')}';
import { ensureSystemPackages } from '${lib('system-packages.mjs')}';
await script(() => ensureSystemPackages());`;

async function installed(version = '15.19'): Promise<void> {
  for (const name of ['nats-server', 'age', 'zstd', 'setpriv', 'bwrap', 'sh', 'rm', 'mkdir', 'chmod'])
    await program(name, 'exit 0');
  await installPostgres(version);
}

async function installPostgres(version: string): Promise<void> {
  const bin = machine.join('postgresql/15/bin');
  await mkdir(bin, { recursive: true });
  for (const name of ['initdb', 'postgres', 'pg_dump', 'pg_dumpall', 'pg_restore', 'psql']) {
    await writeFile(join(bin, name), `#!/bin/sh\necho "${name} (PostgreSQL) ${version} (Debian)"\n`);
    await chmod(join(bin, name), 0o755);
  }
  await mkdir(machine.join('share/15/extension'), { recursive: true });
  await writeFile(machine.join('share/15/extension/pgcrypto.control'), '');
}

describe('the system packages', () => {
  it('are left alone where everything is there: no apt-get, no sudo', async () => {
    await installed();
    await program('apt-get', 'echo CALLED >&2; exit 1');
    expect(await bootstrap(ENSURE)).toEqual({ code: 0, shown: '' });
  });

  it('are named with a remedy where there is no apt-get', async () => {
    await program('nats-server', 'exit 0');
    const { code, shown } = await bootstrap(ENSURE);
    expect(code).toBe(1);
    expect(shown).toContain('no apt-get: postgresql, age, zstd, util-linux.');
    expect(shown).toContain('HOZEN_NATS_URL');
  });

  it.skipIf(process.getuid?.() !== 0)('are those of the sandbox, too; without them it goes on', async () => {
    await installed();
    await run('rm', [machine.join('bin/bwrap')]);
    const { code, shown } = await bootstrap(ENSURE);
    expect({ code, shown }).toMatchObject({
      code: 0,
      shown: expect.stringContaining('run without a sandbox') as string,
    });
    await program('apt-get', 'exit 0');
    await program('sh', `echo "$@" > ${machine.join('asked')}`);
    expect((await bootstrap(ENSURE)).code).toBe(0);
    const { stdout } = await run('cat', [machine.join('asked')]);
    expect(stdout).toContain('apt-install.sh bubblewrap');
  });

  it('need no nats-server where one is given', async () => {
    const { shown } = await bootstrap(ENSURE, { HOZEN_NATS_URL: 'nats://elsewhere' });
    expect(shown).not.toContain(': nats-server');
    expect(shown).toContain('postgresql, age');
  });

  it.skipIf(process.getuid?.() !== 0)(
    'say so when the network is away, with the messages of apt-get above',
    async () => {
      await installed();
      await run('rm', [machine.join('bin/age')]);
      await program('sh', `echo "Err: Could not resolve 'packages.example'"; exit 100`);
      await program('apt-get', 'exit 100');
      const { code, shown } = await bootstrap(ENSURE);
      expect(code).toBe(1);
      expect(shown).toContain("Could not resolve 'packages.example'");
      expect(shown).toContain('apt-get cannot reach the package server; still missing: age.');
      expect(shown).toContain('http_proxy');
    },
  );

  it.skipIf(process.getuid?.() !== 0)('are updated when a version with known holes is installed', async () => {
    await installed('15.18');
    await program('apt-get', 'exit 0');
    await program('sh', `echo "$@" > ${machine.join('asked')}`);
    const { code, shown } = await bootstrap(ENSURE);
    expect(code).toBe(0);
    expect(shown).toContain('updating postgresql-client-15, postgresql-15');
    expect(shown).toContain('Debian has no patched version here');
    const { stdout } = await run('cat', [machine.join('asked')]);
    expect(stdout).toContain('apt-install.sh postgresql-client-15 postgresql-15');
  });
});

describe('the machine', () => {
  const check = (call: string) => `
    import { script } from '${lib('say.mjs')}';
    import { checkNode, checkRoom } from '${lib('setup.mjs')}';
    await script(async () => { ${call} });`;

  it('is refused with a too old Node', async () => {
    const { code, shown } = await bootstrap(check(`checkNode('18.20.4')`));
    expect(code).toBe(1);
    expect(shown).toContain('This is Node 18.20.4; the bootstrap needs 20.19.0 or newer.');
    expect(await bootstrap(check(`checkNode('20.19.0'); checkNode('24.0.0')`))).toEqual({ code: 0, shown: '' });
  });

  it('is refused with a full disk, before anything is installed', async () => {
    const { code, shown } = await bootstrap(check(`checkRoom('/', () => ({ bavail: 100, bsize: 1000000 }))`));
    expect(code).toBe(1);
    expect(shown).toContain('Only 100 MB are free at /; 500 MB are needed.');
  });
});

describe('the npm packages', () => {
  const current = `
    import { nodePackagesAreCurrent } from '${lib('node-packages.mjs')}';
    console.log(nodePackagesAreCurrent('FOLDER'));`;

  async function lockfiles(wanted: object, there?: object): Promise<string> {
    await mkdir(machine.join('clone/node_modules'), { recursive: true });
    await writeFile(machine.join('clone/package-lock.json'), JSON.stringify({ packages: wanted }));
    if (there)
      await writeFile(machine.join('clone/node_modules/.package-lock.json'), JSON.stringify({ packages: there }));
    const { shown } = await bootstrap(current.replace('FOLDER', machine.join('clone')));
    return shown.trim();
  }
  const A = { 'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' } };

  it('are current only when every one is the one of the lockfile', async () => {
    expect(await lockfiles(A)).toBe('false');
    expect(await lockfiles(A, A)).toBe('true');
    expect(await lockfiles(A, { 'node_modules/a': { version: '1.0.1', integrity: 'sha512-b' } })).toBe('false');
    expect(await lockfiles({ ...A, 'node_modules/b': { version: '2.0.0' } }, A)).toBe('false');
    const forAnotherPlatform = { 'node_modules/b-darwin': { version: '2.0.0', optional: true } };
    expect(await lockfiles({ ...A, ...forAnotherPlatform }, A)).toBe('true');
  });
});

describe('the sum of the tests', () => {
  const totals = `
    import { summaryLine, testTotals } from '${lib('tests.mjs')}';
    console.log(summaryLine(testTotals('FOLDER', ['one', 'two'])));`;

  async function sum(one: object | undefined, two: object | undefined): Promise<string> {
    await mkdir(machine.join('results'), { recursive: true });
    for (const [name, result] of Object.entries({ one, two })) {
      if (result) await writeFile(machine.join('results', `${name}.json`), JSON.stringify(result));
    }
    return (await bootstrap(totals.replace('FOLDER', machine.join('results')))).shown.trim();
  }
  const result = (passed: number, failed: number, skipped: number, testResults: object[] = []) => ({
    numPassedTests: passed,
    numFailedTests: failed,
    numPendingTests: skipped,
    testResults,
  });

  it('counts every project', async () => {
    expect(await sum(result(3, 0, 1), result(4, 2, 0))).toBe('hozen: 7 passed, 2 failed, 1 skipped');
  });

  it('counts a project that left no result, and a file that could not be loaded, as failed', async () => {
    expect(await sum(result(3, 0, 0), undefined)).toBe('hozen: 3 passed, 1 failed, 0 skipped');
    const broken = { status: 'failed', assertionResults: [] };
    expect(await sum(result(3, 0, 0), result(0, 0, 0, [broken]))).toBe('hozen: 3 passed, 1 failed, 0 skipped');
  });
});

describe('the arrows between apps and libs', () => {
  const check = (folder: string) => `
    import { script } from '${lib('say.mjs')}';
    import { checkBoundaries } from '${lib('boundaries.mjs')}';
    await script(async () => { await checkBoundaries(process.env, '${folder}'); });`;

  /** A small house with our rules: an app and a lib, and what the test puts into them. */
  async function house(
    files: Record<string, string>,
    config?: (text: string) => string,
  ): Promise<{ code: number; shown: string }> {
    const folder = machine.join('house');
    const rules = await readFile(join(root, '.dependency-cruiser.cjs'), 'utf8');
    const all: Record<string, string> = {
      '.dependency-cruiser.cjs': config ? config(rules) : rules,
      'package.json': '{"type":"module"}',
      'test/package.json': '{}',
      'apps/one/package.json': '{"name":"@hozen/one","dependencies":{"@hozen/contracts":"1"}}',
      'apps/one/src/main.ts': `import { a } from '@hozen/contracts';\nexport const b = a;\n`,
      'apps/two/package.json': '{"name":"@hozen/two"}',
      'apps/two/src/main.ts': 'export const c = 1;\n',
      'libs/contracts/package.json':
        '{"name":"@hozen/contracts","type":"module","exports":{".":{"@hozen/source":"./src/index.ts","default":"./dist/index.js"}}}',
      'libs/contracts/src/index.ts': 'export const a = 1;\n',
      ...files,
    };
    for (const [name, text] of Object.entries(all)) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), text);
    }
    if (!(await readdir(folder)).includes('node_modules')) {
      await mkdir(join(folder, 'node_modules/@hozen'), { recursive: true });
      await symlink('../../libs/contracts', join(folder, 'node_modules/@hozen/contracts'));
      await symlink(join(root, 'node_modules/@swc'), join(folder, 'node_modules/@swc'));
    }
    return bootstrap(check(folder), { PATH: process.env['PATH'] ?? '' });
  }

  it('are right in a house that keeps the rules', async () => {
    expect(await house({})).toEqual({ code: 0, shown: '' });
  });

  it.each([
    [
      'an app that imports an app',
      'apps/one/src/bad.ts',
      `import { c } from '../../two/src/main.js';\nexport const d = c;\n`,
      'apps-talk-by-events-only',
    ],
    [
      'a lib that imports an app',
      'libs/contracts/src/bad.ts',
      `import { c } from '../../../apps/two/src/main.js';\nexport const d = c;\n`,
      'libs-never-import-apps',
    ],
    [
      'a package that is not declared',
      'apps/one/src/bad.ts',
      `import { x } from 'left-pad';\nexport const d = x;\n`,
      'declared-packages-only',
    ],
    [
      'an import below a `using`',
      'apps/one/src/bad.ts',
      `export async function f() { await using a = g(); return import('../../two/src/main.js'); }\ndeclare function g(): AsyncDisposable;\n`,
      'apps-talk-by-events-only',
    ],
  ])('are wrong with %s', async (_what, file, text, rule) => {
    const { code, shown } = await house({ [file]: text });
    expect(code).toBe(1);
    expect(shown).toContain(rule);
  });

  it('are not called right when the imports were not followed', async () => {
    const { code, shown } = await house({}, (rules) => rules.replace(`'@hozen/source', `, ''));
    expect(code).toBe(1);
    expect(shown).toContain('not followed: apps/one/src/main.ts → @hozen/contracts');
  });
});
