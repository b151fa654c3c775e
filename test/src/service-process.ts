import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '@hozen/testkit';

export type ServiceApp = 'scheduler' | 'backup-worker' | 'maintenance-worker' | 'notifier';

const ROOT = workspaceRoot(dirname(fileURLToPath(import.meta.url)));

/** A service as it runs in production: a process of its own from the built code. */
export class ServiceProcess implements AsyncDisposable {
  private constructor(
    readonly app: ServiceApp,
    private readonly child: ChildProcess,
    readonly url: string,
    private readonly logFile: string,
  ) {}

  /** Starts it and waits until it is ready. */
  static async start(app: ServiceApp, env: NodeJS.ProcessEnv, logFile: string): Promise<ServiceProcess> {
    const child = launch(app, env, logFile);
    const url = await eventually(async () => readyUrl(app, child, String(env['HOZEN_HOME']), logFile), {
      within: 90_000,
    });
    return new ServiceProcess(app, child, url, logFile);
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error(`${this.app} never started`);
    return this.child.pid;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }

  /** Resolves when the process is gone. */
  async exit(): Promise<void> {
    if (this.running) await once(this.child, 'exit');
  }

  async stop(): Promise<void> {
    if (!this.running) return;
    // A paused process cannot handle SIGTERM.
    this.child.kill('SIGCONT');
    this.child.kill('SIGTERM');
    await this.exit();
  }

  log(): Promise<string> {
    return readFile(this.logFile, 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function launch(app: ServiceApp, env: NodeJS.ProcessEnv, logFile: string): ChildProcess {
  const log = createWriteStream(logFile, { flags: 'a' });
  const child = spawn(
    process.execPath,
    ['--import', `${ROOT}/libs/telemetry/dist/register.js`, `${ROOT}/apps/${app}/dist/main.js`],
    { env: { PATH: process.env['PATH'], ...env, OTEL_SERVICE_NAME: app }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  child.once('close', () => log.end());
  return child;
}

/** The service writes where it listens; it is ready when it says so itself. */
async function readyUrl(app: ServiceApp, child: ChildProcess, home: string, logFile: string): Promise<string> {
  if (child.exitCode !== null || child.signalCode !== null) {
    throw new Error(
      `${app} ended while starting (${child.exitCode ?? child.signalCode}):\n${await readFile(logFile, 'utf8')}`,
    );
  }
  const facts = JSON.parse(await readFile(`${home}/run/${app}.json`, 'utf8')) as { pid: number; url: string };
  if (facts.pid !== child.pid) throw new Error(`${app} has not written its address yet`);
  const response = await fetch(`${facts.url}/health/ready`);
  if (!response.ok) throw new Error(`${app} is not ready: ${await response.text()}`);
  return facts.url;
}

/** From the sources as well as from what was built of them. */
function workspaceRoot(folder: string): string {
  return existsSync(join(folder, 'nx.json')) ? folder : workspaceRoot(dirname(folder));
}
