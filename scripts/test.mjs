// `npm test`: from an empty clone to a verdict. Runs on the machine's own Node, before anything is installed.
import { check } from './lib/checks.mjs';
import { provideS3Server } from './lib/go-programs.mjs';
import { script } from './lib/say.mjs';
import { build, setUp } from './lib/setup.mjs';
import { runTests, summaryLine, testTotals } from './lib/tests.mjs';

await script(async () => {
  const env = await setUp();
  await build(env);
  await check(env);
  const s3 = await provideS3Server(env);
  const endedWell = await runTests(s3 === undefined ? env : { ...env, HOZEN_S3_SERVER: s3 });
  const totals = testTotals();
  process.stdout.write(`\n${summaryLine(totals)}\n`);
  return endedWell && totals.failed === 0 && totals.passed > 0 ? 0 : 1;
});
