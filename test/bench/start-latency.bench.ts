import { randomBytes, randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { TestPostgres } from '@hozen/testkit';
import { sampleConfiguration } from '../src/sample-target.js';
import { Stack } from '../src/stack.js';
import { percentile } from './measure.js';

/**
 * From a request's publishing to the start of the first `pg_dump`, through the whole durable way: publish, intake, claim,
 * lease, checks of the target. One start at a time on an idle system. The start is that of the tool's span.
 */
const { values } = parseArgs({ options: { json: { type: 'string' }, starts: { type: 'string', default: '1000' } } });
const starts = Number(values.starts);
const WARM_UP = 10;

await using target = await TestPostgres.start();
await using stack = await Stack.start(['backup-worker'], { SAMPLE_PASSWORD: target.password, HOZEN_LOG_LEVEL: 'warn' });
/** Milliseconds from publishing to the first span of each name. */
const stages = {
  'process backup.requested': [],
  'run backup': [],
  'check target': [],
  'dump database': [],
  pg_dump: [],
} as Record<string, number[]>;
for (let n = 0; n < starts + WARM_UP; n++) {
  // A config is not started twice in one second, because its file is named after it; so each start has its own.
  const config = sampleConfiguration(target, stack.home.join('storage'), { name: `config ${n}`, proof: 'checksum' });
  await stack.configureBackups(config);
  const reached = await start(`config ${n}`);
  if (n >= WARM_UP) for (const [stage, milliseconds] of Object.entries(reached)) stages[stage]?.push(milliseconds);
}
const latencies = stages['pg_dump'] ?? [];
const figures = {
  starts,
  p50: Math.round(percentile(latencies, 0.5)),
  p99: Math.round(percentile(latencies, 0.99)),
  max: Math.round(Math.max(...latencies)),
  unit: 'ms',
  medians: Object.fromEntries(Object.entries(stages).map(([stage, all]) => [stage, Math.round(percentile(all, 0.5))])),
};
process.stdout.write(`${JSON.stringify({ work: 'request published → pg_dump started', ...figures })}\n`);
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(figures)}\n`);

/** @returns milliseconds from publishing to the start of each stage */
async function start(config: string): Promise<Record<string, number>> {
  const traceId = randomBytes(16).toString('hex');
  const traceparent = `00-${traceId}-${randomBytes(8).toString('hex')}-01`;
  const request = randomUUID();
  const completed = stack.events.next('backup.completed', request);
  const publishedAt = performance.timeOrigin + performance.now();
  await stack.events.publish('backup.requested', JSON.stringify({ config }), request, { traceparent });
  await completed;
  const spans = await stack.traces.waitFor((all) =>
    all.some((span) => span.traceId === traceId && span.name === 'run backup'),
  );
  const own = spans.filter((span) => span.traceId === traceId);
  const reached = Object.keys(stages).map((stage) => {
    const starts = own.filter((span) => span.name === stage).map((span) => span.startMs);
    return [stage, Math.min(...starts) - publishedAt] as const;
  });
  return Object.fromEntries(reached);
}
