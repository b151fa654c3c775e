import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './run.mjs';
import { step, warn } from './say.mjs';

const MODULE = 'github.com/jaegertracing/jaeger';
const VERSION = 'v1.76.0';

/**
 * A real Jaeger for the interop tests: the one named by HOZEN_JAEGER, one built before, or one built now with Go from
 * its module, checked against the checksums that the module itself brings.
 * @returns its path; undefined, with the reason said, where none can be had
 */
export async function provideJaeger(env) {
  if (env.HOZEN_JAEGER) return env.HOZEN_JAEGER;
  const built = join(homedir(), '.cache', 'hozen', `jaeger-all-in-one-${VERSION}`);
  if (existsSync(built)) return built;
  const download = await run('go', ['mod', 'download', '-json', `${MODULE}@${VERSION}`], { env, quiet: true });
  if (download.code !== 0) {
    warn('No Jaeger: there is no Go here, or its module proxy cannot be reached.');
    return undefined;
  }
  step('Building Jaeger with Go; this takes some minutes, once');
  const folder = await mkdtemp(join(tmpdir(), 'hozen-jaeger-'));
  try {
    // In a copy: the module cache is read-only, and the module's own go.sum is only used from inside of it.
    const source = join(folder, 'source');
    await cp(/"Dir": "(.+)"/.exec(download.output)[1], source, { recursive: true });
    await run('chmod', ['-R', 'u+w', source], { env });
    const binary = join(folder, 'jaeger-all-in-one');
    const { code } = await run('go', ['build', '-trimpath', '-o', binary, './cmd/all-in-one'], { env, cwd: source });
    if (code !== 0) return undefined;
    await mkdir(join(built, '..'), { recursive: true });
    await chmod(binary, 0o755);
    await rename(binary, built).catch(() => cp(binary, built));
    return built;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
