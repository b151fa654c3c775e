// `npm test`: from an empty clone to a verdict. Runs on the machine's own Node, before anything is installed.
import { check } from './lib/checks.mjs';
import { script } from './lib/say.mjs';
import { build, setUp } from './lib/setup.mjs';
import { runTests, summaryLine, testTotals } from './lib/tests.mjs';

await script(async () => {
  const env = await setUp();
  await build(env);
  await check(env);
  const endedWell = await runTests(env);
  const totals = testTotals();
  process.stdout.write(`\n${summaryLine(totals)}\n`);
  return endedWell && totals.failed === 0 && totals.passed > 0 ? 0 : 1;
});
