import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';
import { root } from './setup.mjs';

/** Where vitest.base.ts writes what each project's tests gave. */
const RESULTS = join(root, '.cache', 'tests', '@hozen');

/** Runs the tests of every project, the end-to-end suite last and alone. @returns whether all ended well. */
export async function runTests(env) {
  rmSync(RESULTS, { recursive: true, force: true });
  const style = '--output-style=stream';
  // One project at a time: the tests of a project run in parallel already, each with servers of its own.
  const units = await run('nx', ['run-many', '-t', 'test', '--exclude=@hozen/test', '--parallel=1', style], {
    env,
    cwd: root,
  });
  const whole = await run('nx', ['run', '@hozen/test:test', style], { env, cwd: root });
  return units.code === 0 && whole.code === 0;
}

/** @returns the sum over all projects; a project with tests but without a result counts as one failure. */
export function testTotals(folder = RESULTS, projects = projectsWithTests()) {
  const totals = { passed: 0, failed: 0, skipped: 0 };
  for (const project of projects) {
    const file = join(folder, `${project}.json`);
    if (!existsSync(file)) {
      totals.failed += 1;
      continue;
    }
    const result = JSON.parse(readFileSync(file, 'utf8'));
    totals.passed += result.numPassedTests;
    totals.skipped += result.numPendingTests + (result.numTodoTests ?? 0);
    // A file that could not be loaded has no tests to fail.
    const broken = result.testResults.filter(
      ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
    );
    totals.failed += result.numFailedTests + broken.length;
  }
  return totals;
}

export function summaryLine({ passed, failed, skipped }) {
  return `hozen: ${passed} passed, ${failed} failed, ${skipped} skipped`;
}

function projectsWithTests() {
  return ['apps', 'libs']
    .flatMap((kind) => readdirSync(join(root, kind)).map((name) => join(kind, name)))
    .concat('test')
    .filter((project) => hasTests(join(root, project)))
    .map((project) => project.split('/').at(-1));
}

function hasTests(folder) {
  return readdirSync(folder, { withFileTypes: true }).some((entry) => {
    if (entry.name === 'node_modules' || entry.name === 'dist') return false;
    return entry.isDirectory() ? hasTests(join(folder, entry.name)) : entry.name.endsWith('.spec.ts');
  });
}
