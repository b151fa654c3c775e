// `npm run interop`: the tests against other people's software, built or unpacked where it can be had.
import { join } from 'node:path';
import { provideDebianMysql, provideDebianPostgres } from './lib/debian-tree.mjs';
import { provideJaeger, provideNatsServer } from './lib/go-programs.mjs';
import { run } from './lib/run.mjs';
import { script } from './lib/say.mjs';
import { build, root, setUp } from './lib/setup.mjs';

await script(async () => {
  const env = await setUp();
  await build(env);
  const nats = await provideNatsServer(env);
  const provided = {
    HOZEN_JAEGER: await provideJaeger(env),
    HOZEN_INTEROP_NATS_SERVER: nats,
    HOZEN_INTEROP_PG_BIN_13: await provideDebianPostgres(env, 13),
    HOZEN_INTEROP_PG_BIN_17: await provideDebianPostgres(env, 17),
    HOZEN_MYSQL_BIN: await provideDebianMysql(env),
    HOZEN_INTEROP_PG_BIN_18: await provideDebianPostgres(env, 18),
  };
  const found = Object.fromEntries(Object.entries(provided).filter(([, path]) => path !== undefined));
  const tests = await run('vitest', ['run', 'interop'], { env: { ...env, ...found }, cwd: join(root, 'test') });
  if (nats === undefined) return tests.code;
  // The transport's own tests, once more against the current server.
  const messaging = await run('vitest', ['run'], {
    env: { ...env, HOZEN_NATS_SERVER: nats },
    cwd: join(root, 'libs', 'messaging'),
  });
  return tests.code || messaging.code;
});
