// `npm start [-- --once]`: from an empty clone to a proven backup. Runs on the machine's own Node, before anything is installed.
import { join } from 'node:path';
import { run } from './lib/run.mjs';
import { script } from './lib/say.mjs';
import { build, root, setUp } from './lib/setup.mjs';

await script(async () => {
  const env = await setUp();
  await build(env);
  const { code } = await run('node', [join(root, 'apps/cli/bin/hozen.mjs'), 'up', ...process.argv.slice(2)], { env });
  return code;
});
