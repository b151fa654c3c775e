// `npm run bench -- NAME [--json FILE]`: sets up, builds and runs the bench of that name in test/bench.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './lib/run.mjs';
import { Obstacle, script } from './lib/say.mjs';
import { build, root, setUp } from './lib/setup.mjs';

await script(async () => {
  const [name = '', ...args] = process.argv.slice(2);
  const folder = join(root, 'test', 'bench');
  const benches = existsSync(folder)
    ? readdirSync(folder).flatMap((file) => /^(.+)\.bench\.ts$/.exec(file)?.[1] ?? [])
    : [];
  if (!benches.includes(name)) {
    throw new Obstacle(
      `There is no bench "${name}".`,
      `Choose one: ${benches.map((each) => `npm run bench -- ${each}`).join(', ') || '(none yet)'}`,
    );
  }
  const env = await setUp();
  await build(env);
  const { code } = await run(
    'node',
    ['--enable-source-maps', join(root, 'test', 'dist', 'bench', `${name}.bench.js`), ...args],
    { env, cwd: root },
  );
  return code;
});
