import { appendFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ReceivedSpan } from '@hozen/telemetry';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ServiceDouble } from '../testing/service-double.js';
import { TestSurroundings, testContext } from '../testing/surroundings.js';
import { runView } from '../testing/views.js';
import { TraceStore } from './trace-store.js';
import { waterfallText } from './waterfall.js';

const TRACE = 'ab'.repeat(16);

function span(spanId: string, from: number, to: number, more: Partial<ReceivedSpan> = {}): ReceivedSpan {
  return {
    traceId: TRACE,
    spanId,
    service: 'worker',
    name: spanId,
    kind: 1,
    startMs: from,
    endMs: to,
    attributes: {},
    events: [],
    ...more,
  };
}

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'hozen-traces-'));
});
afterEach(async () => {
  await rm(home, { recursive: true });
});

describe('the trace store', () => {
  it('gives back the spans of one trace, and passes over a line that a crash cut off', async () => {
    const folder = join(home, 'traces');
    const store = new TraceStore(folder);
    store.append([span('a', 0, 1), span('b', 0, 1, { traceId: 'cd'.repeat(16) })]);
    store.append([span('c', 0, 1)]);
    await store.settled();
    const [file = ''] = await readdir(folder);
    await appendFile(join(folder, file), `{"traceId":"${TRACE}","spa`);
    expect((await store.read(TRACE)).map(({ spanId }) => spanId)).toEqual(['a', 'c']);
  });

  it('removes days that are over, and nothing else', async () => {
    for (const name of ['2026-11-01.jsonl', '2026-11-20.jsonl', 'notes.txt']) await writeFile(join(home, name), '');
    await new TraceStore(home).removeOld(Date.parse('2026-11-21T12:00:00Z'));
    expect((await readdir(home)).toSorted()).toEqual(['2026-11-20.jsonl', 'notes.txt']);
  });
});

describe('the waterfall', () => {
  it('puts children under their parents on one time axis, and names errors', () => {
    const text = waterfallText(testContext(new TestSurroundings()), TRACE, [
      span('dump', 500, 1000, { parentSpanId: 'run', error: 'exit 1' }),
      span('request', 0, 10, { service: 'scheduler' }),
      span('run', 100, 1000, { parentSpanId: 'request' }),
      span('lost', 900, 950, { parentSpanId: 'elsewhere' }),
    ]);
    const lines = text.split('\n');
    expect(lines[0]).toBe(`Trace ${TRACE}: 4 spans of scheduler, worker, 1.0 s`);
    expect(lines[2]).toMatch(/^scheduler {2}request +10 ms {3}█/);
    expect(lines[3]).toMatch(/^worker {5} {2}run +900 ms/);
    expect(lines[4]).toMatch(/^worker {7} {2}dump +500 ms +█+$/);
    expect(lines[5]).toContain('✗ exit 1');
    expect(lines[6]).toMatch(/^worker {5}lost +50 ms/);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(120);
  });
});

describe('hozen trace', () => {
  it('looks up the trace of a run', async () => {
    const store = new TraceStore(join(home, 'traces'));
    store.append([span('a', 0, 1)]);
    await store.settled();
    await using worker = await ServiceDouble.start(() => ({ body: runView() }));
    const around = new TestSurroundings({ HOZEN_HOME: home, HOZEN_BACKUP_URL: worker.url });
    expect(await around.hozen('trace', 'some-run', '--json')).toBe('ok');
    expect(around.lines[0]).toMatchObject({ traceId: TRACE, spans: [{ spanId: 'a' }] });
  });

  it('says when there is none', async () => {
    const around = new TestSurroundings({ HOZEN_HOME: home });
    expect(await around.hozen('trace', TRACE)).toBe('failed');
    expect(around.written.err).toContain(`There is no trace ${TRACE} here`);
  });

  it('asks Jaeger where one is named', async () => {
    const answer = {
      data: [
        {
          traceID: TRACE,
          spans: [
            {
              traceID: TRACE,
              spanID: 'b',
              operationName: 'pg_dump',
              references: [{ refType: 'CHILD_OF', spanID: 'a' }],
              startTime: 2_000_000,
              duration: 1_500,
              tags: [
                { key: 'error', value: true },
                { key: 'otel.status_description', value: 'exit 1' },
              ],
              processID: 'p1',
            },
          ],
          processes: { p1: { serviceName: 'backup-worker' } },
        },
      ],
    };
    await using jaeger = await ServiceDouble.start(() => ({ body: answer }));
    const around = new TestSurroundings({ HOZEN_JAEGER_URL: `${jaeger.url}/` });
    expect(await around.hozen('trace', TRACE, '--json')).toBe('ok');
    expect(jaeger.asked[0]?.path).toBe(`/api/traces/${TRACE}`);
    expect(around.lines[0]?.['spans']).toMatchObject([
      { spanId: 'b', parentSpanId: 'a', service: 'backup-worker', startMs: 2000, endMs: 2001.5, error: 'exit 1' },
    ]);
  });
});
