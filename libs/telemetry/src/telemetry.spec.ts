import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OtlpReceiver, traceIdOf } from './index.js';

const run = promisify(execFile);
const source = (file: string) => fileURLToPath(new URL(file, import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hozen-telemetry-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** Runs a small program in a process of its own, telemetry loaded the way services load it. */
async function program(body: string, env: Record<string, string>): Promise<string> {
  const file = join(folder, `${Math.random().toString(36).slice(2)}.mjs`);
  await writeFile(file, `import * as telemetry from '${source('../dist/index.js')}';\n${body}\n`);
  const { stdout } = await run(process.execPath, ['--import', source('../dist/register.js'), file], {
    env: { PATH: process.env['PATH'], OTEL_SERVICE_NAME: 'spec', ...env },
  });
  return stdout;
}

describe('traces', () => {
  it('continue over processes by the traceparent, and arrive by OTLP with errors and attributes', async () => {
    await using receiver = await OtlpReceiver.start();
    const parent = `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`;
    await program(
      `await telemetry.inSpan('outer', { parent: '${parent}', kind: telemetry.SpanKind.CONSUMER, attributes: { bytes: 5 } }, async () => {
         await telemetry.inSpan('inner', {}, async () => { throw new Error('disk gone'); }).catch(() => undefined);
       });
       await telemetry.shutdownTelemetry();`,
      { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url },
    );
    const spans = await receiver.waitFor((all) => all.length >= 2);
    const outer = spans.find((span) => span.name === 'outer');
    const inner = spans.find((span) => span.name === 'inner');
    expect(outer).toMatchObject({ traceId: 'ab'.repeat(16), parentSpanId: 'cd'.repeat(8), service: 'spec', kind: 5 });
    expect(outer?.attributes).toEqual({ bytes: 5 });
    expect(inner).toMatchObject({ parentSpanId: outer?.spanId, error: 'disk gone' });
  });

  it('have ids without any receiver, and log lines carry them', async () => {
    const out = await program(
      `await telemetry.inSpan('work', {}, async () => telemetry.withLogFields({ run_id: 'r1' }, () => {
         telemetry.logger('part').info({ password: 'hunter2' }, 'hello');
         process.stdout.write(telemetry.currentTraceparent() + '\\n');
       }));`,
      {},
    );
    const lines = out.trim().split('\n');
    const parent = lines.find((line) => line.startsWith('00-'));
    const log = JSON.parse(lines.find((line) => line.startsWith('{')) ?? '{}') as Record<string, unknown>;
    expect(log).toMatchObject({
      service: 'spec',
      part: 'part',
      msg: 'hello',
      run_id: 'r1',
      trace_id: traceIdOf(parent),
    });
    expect(out).not.toContain('hunter2');
  });
});

describe('failpoints', () => {
  it('kill once with a marker file, and let the next process pass', async () => {
    const marker = join(folder, 'marker');
    const body = `await telemetry.failpoint('here'); process.stdout.write('passed');`;
    const env = { HOZEN_FAILPOINTS: `here=kill@${marker}` };
    await expect(program(body, env)).rejects.toMatchObject({ signal: 'SIGKILL' });
    await expect(program(body, env)).resolves.toBe('passed');
    expect(await readFile(marker, 'utf8')).not.toBe('');
  });

  it('do nothing where they are not named', async () => {
    await expect(program(`await telemetry.failpoint('here'); process.stdout.write('passed');`, {})).resolves.toBe(
      'passed',
    );
  });
});

describe('metrics', () => {
  it('are served in the text format of Prometheus', async () => {
    const out = await program(
      `import { createServer } from 'node:http';
       telemetry.counter('hozen_spec_runs', 'Runs.').add(2, { result: 'ok' });
       const server = createServer(telemetry.metricsHandler).listen(0, '127.0.0.1', async () => {
         process.stdout.write(await (await fetch('http://127.0.0.1:' + server.address().port + '/metrics')).text());
         server.closeAllConnections(); server.close();
       });`,
      {},
    );
    expect(out).toMatch(/hozen_spec_runs_total\{.*result="ok".*\} 2/);
  });
});
