import type { RunView } from '@hozen/contracts';
import { newEvent } from '@hozen/contracts';
import { connectBroker, ensureStreams, publishEvent, type Broker } from '@hozen/messaging';
import { TestNats } from '@hozen/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ServiceDouble } from '../testing/service-double.js';
import { TestSurroundings } from '../testing/surroundings.js';
import { provenRun, RUN_ID, runView } from '../testing/views.js';

let nats: TestNats;
let broker: Broker;
beforeAll(async () => {
  nats = await TestNats.start();
  broker = await connectBroker({ url: nats.url, name: 'spec' });
  await ensureStreams(broker);
});
afterAll(async () => {
  await broker.close();
  await nats[Symbol.asyncDispose]();
});

interface Request {
  id: string;
  data: { config: string; level?: string; reason?: string; requestedBy?: string; overrideWindow?: boolean };
}

/** Plays the worker: answers the requests of one config as the test says. */
function playWorker(
  config: string,
  answer: (request: Request) => Promise<unknown>,
): { requests: Request[]; stop(): void } {
  const requests: Request[] = [];
  const subscription = broker.nc.subscribe('backup.requested', {
    callback: (_error, message) => {
      const request = message.json<Request>();
      if (request.data.config !== config) return;
      requests.push(request);
      void answer(request);
    },
  });
  return { requests, stop: () => subscription.unsubscribe() };
}

function accept({ id, data }: Request) {
  const facts = {
    runId: RUN_ID,
    requestId: id,
    config: data.config,
    target: 't',
    level: 'full',
    trigger: 'manual',
  } as const;
  return publishEvent(broker, newEvent('backup.accepted', facts, { source: 'spec' }));
}

describe('hozen backup', () => {
  it('publishes what the options say and reports the run that came of it', async () => {
    const worker = playWorker('plain', accept);
    const around = new TestSurroundings({ HOZEN_NATS_URL: nats.url });
    const options = ['--level', 'full', '--reason', 'before the upgrade', '--override-window'];
    expect(await around.hozen('backup', 'plain', ...options)).toBe('ok');
    worker.stop();
    expect(worker.requests).toMatchObject([
      { data: { level: 'full', reason: 'before the upgrade', overrideWindow: true, requestedBy: expect.any(String) } },
    ]);
    const requestId = worker.requests[0]?.id;
    expect(around.lines).toEqual([
      { type: 'published', requestId },
      { type: 'accepted', requestId, runId: RUN_ID },
    ]);
  });

  it('asks for a full backup that is combined from earlier ones', async () => {
    const worker = playWorker('plain', accept);
    const around = new TestSurroundings({ HOZEN_NATS_URL: nats.url });
    expect(await around.hozen('backup', 'plain', '--synthetic')).toBe('ok');
    worker.stop();
    expect(worker.requests).toMatchObject([{ data: { synthetic: true } }]);
  });

  it('ends as rejected with every reason', async () => {
    const reasons = [
      { field: 'config', value: '"ghost"', message: 'There is no backup config named "ghost"' },
      { field: 'level', message: 'is not supported' },
    ];
    const worker = playWorker('ghost', ({ id }) =>
      publishEvent(broker, newEvent('backup.rejected', { requestId: id, reasons }, { source: 'spec' })),
    );
    const around = new TestSurroundings({ HOZEN_NATS_URL: nats.url }, { terminal: true });
    expect(await around.hozen('backup', 'ghost')).toBe('rejected');
    worker.stop();
    expect(around.written.err).toContain('config: There is no backup config named "ghost" (found "ghost")');
    expect(around.written.err).toContain('level: is not supported');
  });

  it('publishes nothing that is not valid, and nothing when the worker could not be followed', async () => {
    const worker = playWorker('', accept);
    const around = new TestSurroundings({ HOZEN_NATS_URL: nats.url });
    expect(await around.hozen('backup', '')).toBe('invalid');
    const alone = new TestSurroundings({ HOZEN_NATS_URL: nats.url, HOZEN_HOME: '/nonexistent' });
    expect(await alone.hozen('backup', 'plain', '--wait')).toBe('unreachable');
    worker.stop();
    expect(worker.requests).toEqual([]);
  });

  it('ends as unreachable without a broker', async () => {
    const around = new TestSurroundings({ HOZEN_NATS_URL: 'nats://127.0.0.1:1' });
    expect(await around.hozen('backup', 'plain')).toBe('unreachable');
  });
});

describe('hozen backup --wait', () => {
  /** A worker whose run shows these views one after the other. `undefined`: it is just being restarted. */
  async function follow(config: string, views: (RunView | undefined)[], around = new TestSurroundings()) {
    const worker = playWorker(config, accept);
    let look = 0;
    await using api = await ServiceDouble.start(() => {
      const view = views[Math.min(look, views.length - 1)];
      look += 1;
      return view ? { body: view } : { status: 503, body: 'starting' };
    });
    Object.assign(around.env, { HOZEN_NATS_URL: nats.url, HOZEN_BACKUP_URL: api.url });
    const ending = await around.hozen('backup', config, '--wait');
    worker.stop();
    return { ending, around };
  }

  it('follows the run with JSON lines and ends with its proof', async () => {
    const progress = { phase: 'dumping', bytes: 5, bytesPerSecond: 1 } as const;
    const { ending, around } = await follow('w1', [runView({ progress }), undefined, provenRun()]);
    expect(ending).toBe('ok');
    expect(around.lines.slice(2)).toMatchObject([
      { type: 'progress', phase: 'dumping', attempt: 1 },
      { type: 'worker-silent' },
      { type: 'progress', state: 'completed' },
      { type: 'result', run: { id: RUN_ID, artefact: { proof: { level: 'restore' } } } },
    ]);
  });

  it('shows the verdict and the run to a person', async () => {
    const around = new TestSurroundings({ HOZEN_NOTIFIER_URL: 'http://127.0.0.1:1' }, { terminal: true });
    const { ending } = await follow('w2', [provenRun()], around);
    expect(ending).toBe('ok');
    expect(around.written.out).toContain('Backup completed and proven.');
  });

  it.each([
    ['failed', 'failed'],
    ['cancelled', 'cancelled'],
    // Green means proven.
    ['completed', 'failed'],
  ] as const)('ends a run that is %s without proof as %s', async (state, ending) => {
    expect((await follow(`w-${state}`, [runView({ state })])).ending).toBe(ending);
  });

  it('leaves the run alone when it is interrupted, and says how to follow it', async () => {
    const around = new TestSurroundings({}, { terminal: true });
    const worker = playWorker('w9', accept);
    await using api = await ServiceDouble.start(() => {
      around.interrupt();
      return { body: runView() };
    });
    Object.assign(around.env, { HOZEN_NATS_URL: nats.url, HOZEN_BACKUP_URL: api.url });
    expect(await around.hozen('backup', 'w9', '--wait')).toBe('interrupted');
    worker.stop();
    expect(around.written.err).toContain(`hozen run ${RUN_ID}`);
    expect(api.asked.every(({ method }) => method === 'GET')).toBe(true);
  });
});
