import { randomUUID } from 'node:crypto';
import {
  newEvent,
  type DataOf,
  type Envelope,
  type EventType,
  type MaintenanceRunView,
  type MaintenanceSettingsSpec,
  type TargetStatusView,
} from '@hozen/contracts';
import { connectBroker, ensureStreams, publishEvent, type Broker } from '@hozen/messaging';
import { eventually, ServiceDatabases, tempDir, TestNats, type TempDir, type TestPostgres } from '@hozen/testkit';
import { WorkerProcess } from './worker-process.js';

type Answer = { [T in EventType]: { type: T; data: DataOf<T> } }[EventType];
type BackupRequest = Pick<Envelope<DataOf<'backup.requested'>>, 'id' | 'data'>;

/** Retries at once, so that a test sees what comes of them. */
const QUICK = {
  lockWaitSeconds: 2,
  retries: {
    transient: { times: 2, seconds: 0 },
    resources: { times: 1, seconds: 0 },
    integrity: { times: 1, seconds: 0 },
  },
};

/** A broker, a database of the service, and the backup worker's part played by the test; the workers are real. */
export class TestStack implements AsyncDisposable {
  /** How the next safety backups are answered; undefined: not at all. */
  answer: (request: BackupRequest) => Answer | undefined = completed('main');
  private readonly seen = new Map<string, Envelope>();
  private readonly disposables = new AsyncDisposableStack();
  private api = '';

  /** Roles belong to the whole server: two tests must not create them at the same moment. */
  private static provisioning: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly services: TestPostgres,
    private readonly databases: ServiceDatabases,
    readonly nats: TestNats,
    private readonly broker: Broker,
    private readonly home: TempDir,
  ) {}

  static async start(services: TestPostgres): Promise<TestStack> {
    const [nats, home] = [await TestNats.start(), await tempDir()];
    const broker = await connectBroker({ url: nats.url, name: 'test' });
    await ensureStreams(broker);
    const databases = TestStack.provisioning.then(() => ServiceDatabases.provision(services));
    TestStack.provisioning = databases.catch(() => undefined);
    const stack = new TestStack(services, await databases, nats, broker, home);
    stack.disposables.use(home);
    stack.disposables.use(nats);
    stack.disposables.use(broker);
    stack.listen();
    return stack;
  }

  /** Does not wait until it is ready. */
  launch(env: NodeJS.ProcessEnv = {}): WorkerProcess {
    return this.disposables.use(
      WorkerProcess.launch(this.home.path, {
        HOZEN_DATABASE_URL: this.databases.urls.maintenance,
        HOZEN_NATS_URL: this.nats.url,
        TARGET_PASSWORD: this.targetPassword,
        ...env,
      }),
    );
  }

  async startWorker(env: NodeJS.ProcessEnv = {}): Promise<WorkerProcess> {
    const worker = this.launch(env);
    this.api = await worker.url();
    return worker;
  }

  private targetPassword = '';

  /** Makes `target` known as "main", its safety backup with config "nightly". To be called before a worker is started. */
  aim(target: TestPostgres): void {
    this.targetPassword = target.password;
    this.target = {
      name: 'main',
      kind: 'postgres',
      host: '127.0.0.1',
      port: target.port,
      password: 'env:TARGET_PASSWORD',
    };
  }

  private target: object = {};

  async configure(settings: Partial<MaintenanceSettingsSpec> = {}): Promise<void> {
    const body = {
      targets: [this.target],
      backupConfigs: { main: 'nightly' },
      settings: [{ target: 'main', ...QUICK, ...settings }],
    };
    const response = await this.put('/configuration', body);
    if (response.status !== 200) throw new Error(await response.text());
  }

  put(path: string, body: object): Promise<Response> {
    const init = { method: 'PUT', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    return fetch(this.api + path, init);
  }

  post(path: string): Promise<Response> {
    return fetch(this.api + path, { method: 'POST' });
  }

  async get<T>(path: string): Promise<T> {
    const response = await fetch(this.api + path);
    const body = (await response.json()) as T;
    if (!response.ok) throw new Error(JSON.stringify(body));
    return body;
  }

  /** Publishes as a foreign client would. @returns the request's id */
  async request(data: object): Promise<string> {
    const id = randomUUID();
    const whole = { target: 'main', maintenanceType: 'optimize', severityLevel: 'medium', ...data };
    await publishEvent(this.broker, newEvent('maintenance.requested', whole as never, { source: 'test', id }));
    return id;
  }

  async publish(answer: Answer): Promise<void> {
    await publishEvent(this.broker, newEvent(answer.type, answer.data as never, { source: 'test' }));
  }

  run(id: string): Promise<MaintenanceRunView> {
    return this.get(`/maintenance/${id}`);
  }

  status(): Promise<TargetStatusView> {
    return this.get('/status/main');
  }

  /** Distinct events of a type, by id. */
  of<T extends EventType>(type: T): Envelope<DataOf<T>>[] {
    return [...this.seen.values()].filter((event) => event.type === type) as Envelope<DataOf<T>>[];
  }

  /** The event with which a maintenance asks for its safety backup. */
  async backupRequestOf(requestId: string): Promise<BackupRequest> {
    return eventually(async () => {
      const { safetyBackup } = await this.run(requestId);
      const found = this.of('backup.requested').filter((event) => event.id === safetyBackup.requestId);
      const [asked] = found;
      if (!asked) throw new Error('the safety backup is not asked for yet');
      return asked;
    });
  }

  /** The one terminal event of a request. @throws Error when it does not come, or comes twice */
  async terminalOf(
    requestId: string,
    within = 40_000,
  ): Promise<Envelope<{ error?: { code: string; message: string } }>> {
    const all = () =>
      (['maintenance.completed', 'maintenance.failed', 'maintenance.rejected'] as const)
        .flatMap((type) => this.of<EventType>(type))
        .filter((event) => (event.data as { requestId?: string }).requestId === requestId);
    const found = await eventually(
      () => {
        const [event, second] = all();
        if (!event || second) throw new Error(`${all().length} terminal events for ${requestId}`);
        return event;
      },
      { within },
    );
    return found as Envelope<{ error?: { code: string; message: string } }>;
  }

  /** Rows of the service's own tables. */
  async rows<T extends object>(sql: string, values: unknown[] = []): Promise<T[]> {
    await using client = await this.services.client(this.databases.database);
    await client.query('SET search_path = maintenance');
    return (await client.query<T>(sql, values)).rows;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.disposables[Symbol.asyncDispose]();
  }

  private listen(): void {
    for (const subject of ['backup.>', 'maintenance.>']) {
      this.broker.nc.subscribe(subject, {
        callback: (_error, message) => {
          const event = JSON.parse(message.string()) as Envelope;
          this.seen.set(event.id, event);
          if (event.type === 'backup.requested') void this.reply(event as Envelope<DataOf<'backup.requested'>>);
        },
      });
    }
  }

  private async reply(request: BackupRequest): Promise<void> {
    const answer = this.answer(request);
    if (answer) await this.publish(answer);
  }
}

/** A good backup of `target`. */
export function completed(target: string): (request: BackupRequest) => Answer {
  return (request) => ({
    type: 'backup.completed',
    data: {
      ...runOf(request, target),
      recordId: 1,
      attempts: 1,
      startedAt: new Date().toISOString(),
      finishedAt: new Date().toISOString(),
      artefact: { path: '/backups/x.tar', bytes: 1, originalBytes: 1, sha256: '0'.repeat(64) },
      proof: { level: 'restore', databases: 1, tables: 1, seconds: 1 },
      bytesPerSecond: 1,
      warnings: [],
    },
  });
}

export function failed(request: BackupRequest): Answer {
  return {
    type: 'backup.failed',
    data: {
      ...runOf(request, 'main'),
      attempts: 3,
      finishedAt: new Date().toISOString(),
      error: { code: 'DISK_FULL', message: 'The disk of /backups is full', hint: 'Free space' },
    },
  };
}

export function rejected(request: BackupRequest): Answer {
  const reasons = [{ field: 'config', value: 'nightly', message: 'there is no backup config of this name' }];
  return { type: 'backup.rejected', data: { requestId: request.id, reasons } };
}

function runOf(request: BackupRequest, target: string) {
  return {
    runId: randomUUID(),
    requestId: request.id,
    config: request.data.config,
    target,
    level: 'full' as const,
    trigger: 'manual' as const,
  };
}
