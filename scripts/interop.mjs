// `npm run interop`: the tests against other people's software, built where it can be had.
import { join } from 'node:path';
import { provideJaeger } from './lib/go-programs.mjs';
import { run } from './lib/run.mjs';
import { script } from './lib/say.mjs';
import { build, root, setUp } from './lib/setup.mjs';

await script(async () => {
  const env = await setUp();
  await build(env);
  const jaeger = await provideJaeger(env);
  const withJaeger = jaeger === undefined ? env : { ...env, HOZEN_JAEGER: jaeger };
  const { code } = await run('vitest', ['run', 'interop'], { env: withJaeger, cwd: join(root, 'test') });
  return code;
});
