// `npm run conformance [-- METHOD...]`: every sentence that a backup method must pass, at full size.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provideDebianMysql } from './lib/debian-tree.mjs';
import { provideS3Server } from './lib/go-programs.mjs';
import { run } from './lib/run.mjs';
import { Obstacle, script } from './lib/say.mjs';
import { build, root, setUp } from './lib/setup.mjs';
import { provideTestPackages } from './lib/test-packages.mjs';

await script(async () => {
  const wanted = process.argv.slice(2);
  const methods = readdirSync(join(root, 'test', 'conformance', 'methods')).map((file) => file.split('.')[0]);
  const unknown = wanted.filter((method) => !methods.includes(method));
  if (unknown.length > 0) {
    throw new Obstacle(`There is no method "${unknown[0]}".`, `Choose some of: ${methods.join(', ')}`);
  }
  const env = await setUp();
  await build(env);
  await provideTestPackages();
  const s3 = await provideS3Server(env);
  const mysql = await provideDebianMysql(env);
  const folder = await mkdtemp(join(tmpdir(), 'hz-conformance-'));
  try {
    const results = join(folder, 'measured.jsonl');
    const files = wanted.map((method) => `conformance/methods/${method}.conformance.ts`);
    const { code } = await run('vitest', ['run', '--config', 'conformance/vitest.config.ts', ...files], {
      env: {
        ...env,
        ...(s3 === undefined ? {} : { HOZEN_S3_SERVER: s3 }),
        ...(mysql === undefined ? {} : { HOZEN_MYSQL_BIN: mysql }),
        HOZEN_CONFORMANCE_RESULTS: results,
      },
      cwd: join(root, 'test'),
    });
    if (existsSync(results)) process.stdout.write(`\n${tableOf(readFileSync(results, 'utf8'))}\n`);
    return code;
  } finally {
    await rm(folder, { recursive: true });
  }
});

/** What the large cases took, as docs/conformance.md has it. */
function tableOf(lines) {
  const cases = lines
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const rows = cases.map(
    ({ method, what, count, seconds, peakMb, limitMb }) =>
      `| \`${method}\` | ${count.toLocaleString('en')} ${what} | ${Math.round(seconds)} s | ${Math.round(peakMb)} MB | ${Math.round(limitMb)} MB |`,
  );
  return [
    '| Method | What | Time | Memory of the worker | Limit |',
    '| --- | --- | --- | --- | --- |',
    ...rows.toSorted(),
  ].join('\n');
}
