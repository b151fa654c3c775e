import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';

/** Without `module`: packages keep files for bundlers under it, which Node itself cannot load. */
const conditions = ['@hozen/source', ...defaultServerConditions.filter((condition) => condition !== 'module')];

/** `npm test` adds these up; Nx keeps them with a cached result. */
const results = fileURLToPath(new URL(`.cache/tests/@hozen/${basename(process.cwd())}.json`, import.meta.url));

export default defineConfig({
  // A spec is outside the tsconfig that says so for the sources.
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  ssr: { resolve: { conditions } },
  test: {
    include: ['**/*.spec.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    environment: 'node',
    passWithNoTests: true,
    // Most tests wait for servers: leaving a core to the runner itself costs a tenth of the time.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // A run that is itself part of a test must not stand in for the whole project's result.
    reporters:
      process.env['HOZEN_TEST_RESULTS'] === 'off' ? ['default'] : ['default', ['json', { outputFile: results }]],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
