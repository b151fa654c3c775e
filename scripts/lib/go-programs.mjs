import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './run.mjs';
import { step, warn } from './say.mjs';

const JAEGER = {
  title: 'Jaeger',
  given: 'HOZEN_JAEGER',
  file: 'jaeger-all-in-one',
  module: 'github.com/jaegertracing/jaeger',
  version: 'v1.76.0',
  main: './cmd/all-in-one',
};
/** testkit looks for it under this file and version: libs/testkit/src/s3/s3-program.ts. */
const S3_SERVER = {
  title: 'S3 server (versitygw)',
  given: 'HOZEN_S3_SERVER',
  file: 'versitygw',
  module: 'github.com/versity/versitygw',
  version: 'v1.8.0',
  main: './cmd/versitygw',
};

/** Debian 12 has 2.9; this is what people install today. */
const NATS_SERVER = {
  title: 'nats-server',
  given: 'HOZEN_INTEROP_NATS_SERVER',
  file: 'nats-server',
  module: 'github.com/nats-io/nats-server/v2',
  version: 'v2.15.2',
  main: '.',
};

/** A current nats-server for the interop tests. @returns its path, or undefined */
export const provideNatsServer = (env) => provide(env, NATS_SERVER);

/** A real Jaeger for the interop tests. @returns its path, or undefined */
export const provideJaeger = (env) => provide(env, JAEGER);

/** A real S3 server for the tests of the storages. @returns its path, or undefined */
export const provideS3Server = (env) => provide(env, S3_SERVER);

/**
 * The program that the environment names, one built before, or one built now with Go from its module, checked against
 * the checksums that the module itself brings.
 * @returns its path; undefined, with the reason said, where none can be had
 */
async function provide(env, { title, given, file, module, version, main }) {
  if (env[given]) return env[given];
  const built = join(homedir(), '.cache', 'hozen', `${file}-${version}`);
  if (existsSync(built)) return built;
  const download = await run('go', ['mod', 'download', '-json', `${module}@${version}`], { env, quiet: true });
  if (download.code !== 0) {
    warn(`No ${title}: there is no Go here, or its module proxy cannot be reached.`);
    return undefined;
  }
  step(`Building ${title} with Go; this takes some minutes, once`);
  const folder = await mkdtemp(join(tmpdir(), 'hozen-go-'));
  try {
    // In a copy: the module cache is read-only, and the module's own go.sum is only used from inside of it.
    const source = join(folder, 'source');
    await cp(/"Dir": "(.+)"/.exec(download.output)[1], source, { recursive: true });
    await run('chmod', ['-R', 'u+w', source], { env });
    const binary = join(folder, file);
    const { code } = await run('go', ['build', '-trimpath', '-o', binary, main], { env, cwd: source });
    if (code !== 0) return undefined;
    await mkdir(join(built, '..'), { recursive: true });
    await chmod(binary, 0o755);
    await rename(binary, built).catch(() => cp(binary, built));
    return built;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
