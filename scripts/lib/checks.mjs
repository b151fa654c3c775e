import { run } from './run.mjs';
import { checkBoundaries } from './boundaries.mjs';
import { done, Obstacle, step } from './say.mjs';
import { nx, root } from './setup.mjs';

/** Everything that can be known without running the code. */
export async function check(env) {
  step('checking types and lint');
  await nx(env, ['run-many', '-t', 'lint', 'typecheck'], 'Lint or types are wrong.');
  step('checking the format');
  const format = await run('prettier', ['--check', '.'], { env, cwd: root, quiet: true });
  if (format.code !== 0) {
    throw new Obstacle('Some files are not formatted.', 'Run: npm run format', { output: format.output });
  }
  step('checking the arrows between apps and libs');
  await checkBoundaries(env);
  done('types, lint, format and arrows are right');
}
