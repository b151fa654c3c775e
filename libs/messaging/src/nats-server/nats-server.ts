import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HozenError } from '@hozen/contracts';
import { connectBroker } from '../broker/broker.js';
import { freePort } from './free-port.js';
import { natsProgram, type NatsProgram } from './nats-program.js';
import { isAtLeast } from '../broker/server-features.js';

export interface NatsServerSettings {
  /** Holds the store, the configuration and the log; created when missing. */
  storeDir: string;
  /** Default: a free one. */
  port?: number;
  /** Default: `nats-server.log` in the store folder. */
  logFile?: string;
}

const START_MS = 20_000;
const STOP_MS = 10_000;
const PORT_RACES = 5;

/**
 * Starts a private nats-server with JetStream on 127.0.0.1, which dies with this process, and waits until it is ready.
 * @throws HozenError SERVER_START_FAILED with the end of its log, PORT_TAKEN, TOOL_MISSING
 */
export async function startNatsServer(settings: NatsServerSettings): Promise<NatsServer> {
  const program = await natsProgram();
  await mkdir(settings.storeDir, { recursive: true });
  if (settings.port !== undefined) return launch(program, settings, settings.port);
  for (let race = 1; ; race++) {
    try {
      return await launch(program, settings, await freePort());
    } catch (error) {
      // Between finding a free port and using it somebody else may take it.
      if (race === PORT_RACES || !(error instanceof HozenError && error.code === 'PORT_TAKEN')) throw error;
    }
  }
}

async function launch(program: NatsProgram, settings: NatsServerSettings, port: number): Promise<NatsServer> {
  const logFile = settings.logFile ?? join(settings.storeDir, 'nats-server.log');
  const configFile = join(settings.storeDir, 'nats-server.conf');
  await writeFile(configFile, configuration(program.version, settings.storeDir, port));
  const output = await open(logFile, 'a');
  const logStart = (await output.stat()).size;
  try {
    const child = spawn(program.command, [...program.args, '-c', configFile], {
      stdio: ['ignore', output.fd, output.fd],
      detached: true,
    });
    const server = new NatsServer(child, port, settings.storeDir);
    await ready(server, async () => (await readFile(logFile, 'utf8')).slice(logStart));
    return server;
  } finally {
    await output.close();
  }
}

/** `sync_interval: always` writes each message to the disk before it is acknowledged; 2.9 does not know it. */
function configuration(version: string, storeDir: string, port: number): string {
  const sync = isAtLeast(version, '2.10.0') ? '  sync_interval: always\n' : '';
  return `host: 127.0.0.1\nport: ${port}\njetstream {\n  store_dir: ${JSON.stringify(storeDir)}\n${sync}}\n`;
}

async function ready(server: NatsServer, readLog: () => Promise<string>): Promise<void> {
  const broker = connectBroker({ url: server.url, name: 'hozen/start', waitMs: START_MS });
  const ended = server.exited.then(() => 'ended' as const);
  try {
    const first = await Promise.race([broker, ended]);
    if (first === 'ended') throw new Error('it ended at once');
    await first.close();
  } catch (cause) {
    void broker.then((late) => late.close()).catch(() => undefined);
    await server.stop('SIGKILL');
    const log = await readLog();
    if (log.includes('address already in use')) throw new HozenError('PORT_TAKEN', { port: server.port }, { cause });
    throw new HozenError('SERVER_START_FAILED', { server: 'nats-server' }, { detail: log.trim().slice(-1_000), cause });
  }
}

/** A running private nats-server. */
export class NatsServer implements AsyncDisposable {
  /** Resolves when the process has ended, for whatever reason. */
  readonly exited: Promise<void>;

  constructor(
    private readonly child: ChildProcess,
    readonly port: number,
    /** The store stands in its subfolder `jetstream`. */
    readonly storeDir: string,
  ) {
    this.exited = Promise.race([once(child, 'exit'), once(child, 'error')]).then(() => undefined);
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Ends the server and waits for it; one that does not obey is killed. Safe to call again. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal);
    const timer = new AbortController();
    const late = delay(STOP_MS, undefined, { signal: timer.signal }).then(
      () => this.child.kill('SIGKILL'),
      () => undefined,
    );
    await Promise.race([this.exited, late]);
    timer.abort();
    await this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
