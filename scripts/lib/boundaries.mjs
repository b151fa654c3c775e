import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Obstacle } from './say.mjs';
import { root } from './setup.mjs';

const FOLDERS = ['apps', 'libs', 'test'];

/**
 * Runs dependency-cruiser, and checks that it saw what it judges: with a missing parser or a wrong export condition it
 * finds nothing and reports success.
 */
export async function checkBoundaries(env, folder = root) {
  const args = ['--config', '.dependency-cruiser.cjs', '--output-type', 'json', ...FOLDERS];
  const options = { cwd: folder, env, maxBuffer: 256 * 1024 * 1024 };
  const { stdout } = await promisify(execFile)('depcruise', args, options).catch((error) => {
    if (typeof error.stdout === 'string' && error.stdout.startsWith('{')) return error;
    throw new Obstacle('dependency-cruiser could not run.', 'Its message stands above.', { output: error.stderr });
  });
  const { modules, summary } = JSON.parse(stdout);
  const unseen = whatWasNotSeen(modules, folder);
  if (unseen.length > 0) {
    throw new Obstacle(
      'dependency-cruiser overlooked imports, so its answer means nothing.',
      'Check its parser and export conditions.',
      {
        output: unseen.join('\n'),
      },
    );
  }
  const errors = summary.violations.filter((violation) => violation.rule.severity === 'error');
  if (errors.length > 0) {
    const lines = errors.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`);
    throw new Obstacle(
      'An import points the wrong way.',
      'The rules stand in .dependency-cruiser.cjs, the map in CONTRIBUTING.md.',
      {
        output: lines.join('\n'),
      },
    );
  }
}

/** Source files that are not in the result, and imports of our libs that were not followed into their source. */
function whatWasNotSeen(modules, folder) {
  const seen = new Map(modules.map((module) => [module.source, module.dependencies]));
  const unseen = [];
  for (const file of sourceFiles(folder)) {
    const dependencies = seen.get(file);
    if (dependencies === undefined) {
      unseen.push(`not read: ${file}`);
      continue;
    }
    for (const [, lib] of readFileSync(join(folder, file), 'utf8').matchAll(/^import .*from '@hozen\/([a-z]+)';$/gm)) {
      const followed = dependencies.some(({ resolved }) => resolved === `libs/${lib}/src/index.ts`);
      if (!followed) unseen.push(`not followed: ${file} → @hozen/${lib}`);
    }
  }
  return unseen;
}

function sourceFiles(folder) {
  return ['apps', 'libs'].flatMap((kind) =>
    readdirSync(join(folder, kind)).flatMap((project) => {
      const source = join(kind, project, 'src');
      const files = existsSync(join(folder, source)) ? readdirSync(join(folder, source), { recursive: true }) : [];
      return files.filter((file) => file.endsWith('.ts')).map((file) => join(source, file));
    }),
  );
}
