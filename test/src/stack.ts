import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type {
  BackupConfiguration,
  EventType,
  NotificationConfiguration,
  RestoreView,
  RunView,
  ScheduleConfiguration,
} from '@hozen/contracts';
import {
  eventually,
  MailSink,
  OtlpReceiver,
  ServiceDatabases,
  tempDir,
  TestNats,
  TestPostgres,
  type TempDir,
} from '@hozen/testkit';
import { EventLog } from './event-log.js';
import { ServiceProcess, type ServiceApp } from './service-process.js';

const SERVICE_OF = {
  scheduler: 'scheduler',
  'backup-worker': 'backup',
  'maintenance-worker': 'maintenance',
  notifier: 'notifier',
} as const;

/** Everything Hozen needs and is, private to one test: its database, its broker, a mailbox, a trace receiver, services. */
export class Stack implements AsyncDisposable {
  private readonly services: ServiceProcess[] = [];
  private readonly stack = new AsyncDisposableStack();

  private constructor(
    private readonly env: NodeJS.ProcessEnv,
    readonly home: TempDir,
    readonly platform: TestPostgres,
    readonly databases: ServiceDatabases,
    readonly nats: TestNats,
    readonly mail: MailSink,
    readonly traces: OtlpReceiver,
    readonly events: EventLog,
  ) {}

  /** Sent with every request to a service. */
  token: string | undefined;

  /** Starts the servers and the named services. `env` goes to every service: that is where secrets are. */
  static async start(apps: ServiceApp[], env: NodeJS.ProcessEnv = {}): Promise<Stack> {
    const started = new AsyncDisposableStack();
    try {
      const home = started.use(await tempDir());
      const [platform, nats, mail, traces] = await Promise.all([
        TestPostgres.start(),
        TestNats.start(),
        MailSink.start(),
        OtlpReceiver.start(),
      ]);
      for (const server of [platform, nats, mail, traces]) started.use(server);
      const databases = await ServiceDatabases.provision(platform);
      const events = started.use(await EventLog.follow(nats.url));
      const stack = new Stack(env, home, platform, databases, nats, mail, traces, events);
      stack.stack.use(started.move());
      await Promise.all(apps.map((app) => stack.startService(app)));
      return stack;
    } catch (error) {
      await started.disposeAsync();
      throw error;
    }
  }

  /** Starts one more service process; each gets a home of its own, as on a machine of its own. */
  async startService(app: ServiceApp, env: NodeJS.ProcessEnv = {}): Promise<ServiceProcess> {
    const { environment, logFile } = await this.settingsOf(app, env);
    const service = await ServiceProcess.start(app, environment, logFile);
    this.services.push(service);
    return service;
  }

  async settingsOf(
    app: ServiceApp,
    env: NodeJS.ProcessEnv,
  ): Promise<{ environment: NodeJS.ProcessEnv; logFile: string }> {
    const home = join(this.home.path, `${app}-${randomUUID().slice(0, 8)}`);
    await mkdir(join(home, 'run'), { recursive: true });
    const environment = {
      HOZEN_HOME: home,
      HOZEN_DATABASE_URL: this.databases.urls[SERVICE_OF[app]],
      HOZEN_NATS_URL: this.nats.url,
      HOZEN_SMTP_URL: this.mail.url,
      HOZEN_MAIL_FROM: 'hozen@example.org',
      HOZEN_DEFAULT_EMAIL: 'dba@example.org',
      HOZEN_NOTIFY_RETRY_SECONDS: '0.2,0.5,1,2,4',
      OTEL_EXPORTER_OTLP_ENDPOINT: this.traces.url,
      ...this.env,
      ...env,
    };
    return { environment, logFile: join(home, `${app}.log`) };
  }

  service(app: ServiceApp): ServiceProcess {
    const service = this.services.findLast((each) => each.app === app && each.running);
    if (!service) throw new Error(`no ${app} is running`);
    return service;
  }

  /** Publishes bare JSON, as any NATS client would. @returns the message id: the request's id */
  async request(type: EventType, data: unknown): Promise<string> {
    return this.events.publish(type, JSON.stringify(data));
  }

  async configureBackups(configuration: BackupConfiguration | object): Promise<void> {
    await this.put('backup-worker', configuration);
  }

  async configureSchedules(configuration: ScheduleConfiguration | object): Promise<void> {
    await this.put('scheduler', configuration);
  }

  async configureNotices(configuration: NotificationConfiguration | object): Promise<void> {
    await this.put('notifier', configuration);
  }

  async put(app: ServiceApp, body: object): Promise<void> {
    const response = await fetch(`${this.service(app).url}/configuration`, {
      method: 'PUT',
      headers: this.#headers(),
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`PUT /configuration of ${app}: ${response.status} ${await response.text()}`);
  }

  async get<T>(app: ServiceApp, path: string): Promise<T> {
    const response = await fetch(`${this.service(app).url}${path}`, { headers: this.#headers() });
    if (!response.ok) throw new Error(`GET ${path} of ${app}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  async post<T>(app: ServiceApp, path: string, body: object): Promise<T> {
    const response = await fetch(`${this.service(app).url}${path}`, {
      method: 'POST',
      headers: this.#headers(),
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`POST ${path} of ${app}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  #headers(): Record<string, string> {
    return {
      'content-type': 'application/json',
      ...(this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }),
    };
  }

  run(id: string): Promise<RunView> {
    return this.get<RunView>('backup-worker', `/backups/${id}`);
  }

  /** Waits until the run answers `wanted`; the last view of it is in the error otherwise. */
  async runWhen(id: string, wanted: (run: RunView) => boolean, within = 60_000): Promise<RunView> {
    return eventually(
      async () => {
        const run = await this.run(id);
        if (!wanted(run)) throw new Error(`the run is not there yet: ${JSON.stringify(run)}`);
        return run;
      },
      { within },
    );
  }

  /** Waits for the run's end, whatever it is. */
  runEnded(id: string, within = 90_000): Promise<RunView> {
    return this.runWhen(id, (run) => ['completed', 'failed', 'cancelled'].includes(run.state), within);
  }

  /** Waits for the restore's end, whatever it is. */
  restoreEnded(id: string, within = 60_000): Promise<RestoreView> {
    return eventually(
      async () => {
        const view = await this.get<RestoreView>('backup-worker', `/restores/${id}`);
        if (view.state === 'queued' || view.state === 'running') throw new Error(`the restore is ${view.state}`);
        return view;
      },
      { within },
    );
  }

  /** Puts a worker in the place of the one that runs, that is killed when it comes to `place`. */
  async workerDyingAt(place: string): Promise<ServiceProcess> {
    const worker = this.service('backup-worker');
    worker.signal('SIGTERM');
    await worker.exit();
    const marker = this.home.join(`${place}.marker`);
    return this.startService('backup-worker', { HOZEN_FAILPOINTS: `${place}=kill@${marker}` });
  }

  /** Time in which something that must not happen would have happened: two polls of every loop. */
  async quietTime(): Promise<void> {
    await pause(2_500);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.services.map((service) => service.stop()));
    await this.stack.disposeAsync();
  }
}
