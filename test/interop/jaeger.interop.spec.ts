import { randomBytes } from 'node:crypto';
import { eventually } from '@hozen/testkit';
import { expect, it } from 'vitest';
import { findJaeger, Jaeger, type JaegerTrace } from '../src/jaeger.js';
import { sampleConfiguration, sampleTarget } from '../src/sample-target.js';
import { Stack } from '../src/stack.js';

it('Jaeger shows a scheduled backup as one trace over scheduler, backup-worker and notifier', async (context) => {
  const binary = await findJaeger();
  if (binary === undefined) context.skip('no Jaeger: name one in HOZEN_JAEGER, or build one with `npm run interop`');
  await using jaeger = await Jaeger.start(binary ?? '');
  await using target = await sampleTarget();
  await using stack = await Stack.start(['scheduler', 'backup-worker', 'notifier'], {
    SAMPLE_PASSWORD: target.password,
    OTEL_EXPORTER_OTLP_ENDPOINT: jaeger.otlpUrl,
  });
  await stack.configureBackups(sampleConfiguration(target, stack.home.join('storage')));
  await stack.configureSchedules({
    schedules: [{ name: randomBytes(4).toString('hex'), cron: '*/2 * * * * *', request: { config: 'nightly' } }],
  });
  const run = await eventually(
    async () => {
      const { runs } = await stack.get<{ runs: { id: string; state: string; traceId?: string }[] }>(
        'backup-worker',
        '/backups?state=completed',
      );
      if (!runs[0]?.traceId) throw new Error('no scheduled run has completed yet');
      return runs[0];
    },
    { within: 90_000 },
  );
  const trace = await eventually(
    async () => {
      const found = await jaeger.trace(run.traceId ?? '');
      if (!servicesOf(found).has('notifier')) throw new Error('the notifier has not sent its spans yet');
      return found;
    },
    { within: 60_000 },
  );
  expect([...servicesOf(trace)].toSorted()).toEqual(['backup-worker', 'notifier', 'scheduler']);
  const names = trace.spans.map((span) => span.operationName);
  for (const expected of ['run backup', 'pg_dump', 'pg_restore', 'process backup.completed'])
    expect(names).toContain(expected);
  expect(names.some((name) => name.startsWith('pg.query'))).toBe(true);
  // One root: every other span hangs on another span of the same trace.
  const ids = new Set(trace.spans.map((span) => span.spanID));
  const roots = trace.spans.filter((span) => !span.references.some((reference) => ids.has(reference.spanID)));
  expect(roots.map((span) => span.operationName)).toHaveLength(1);
});

function servicesOf(trace: JaegerTrace): Set<string> {
  return new Set(trace.spans.map((span) => trace.processes[span.processID]?.serviceName ?? ''));
}
