// `npm test`: from an empty clone to a verdict. Runs on the machine's own Node, before anything is installed.
import { check } from './lib/checks.mjs';
import { provideNatsServer, provideS3Server } from './lib/go-programs.mjs';
import { provideTestPackages } from './lib/test-packages.mjs';
import { provideDebianMysql, provideDebianPostgres } from './lib/debian-tree.mjs';
import { script } from './lib/say.mjs';
import { build, setUp } from './lib/setup.mjs';
import { runTests, summaryLine, testTotals } from './lib/tests.mjs';

await script(async () => {
  const env = await setUp();
  await build(env);
  await check(env);
  // Tests that need one of these skip with their reason where it cannot be had.
  const provided = {
    HOZEN_S3_SERVER: await provideS3Server(env),
    HOZEN_INTEROP_NATS_SERVER: await provideNatsServer(env),
    HOZEN_INTEROP_PG_BIN_17: await provideDebianPostgres(env, 17),
    HOZEN_MYSQL_BIN: await provideDebianMysql(env),
  };
  await provideTestPackages();
  const found = Object.fromEntries(Object.entries(provided).filter(([, path]) => path !== undefined));
  const endedWell = await runTests({ ...env, ...found });
  const totals = testTotals();
  process.stdout.write(`\n${summaryLine(totals)}\n`);
  return endedWell && totals.failed === 0 && totals.passed > 0 ? 0 : 1;
});
