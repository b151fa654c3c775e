import { readFile, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { removeFolder } from '../processes/remove-folder.js';
import { HozenError } from '@hozen/contracts';
import type { PostgresAddress } from '../address.js';
import type { RunAs } from '../processes/guarded.js';
import type { SandboxView } from '../processes/sandbox-arguments.js';
import { installations } from '../tools/installations.js';
import { prepareDataDir } from './data-dir.js';
import { freePort } from './free-port.js';
import { SCRATCH_SETTINGS, type PrivatePostgresOptions } from './options.js';
import { clearStalePostmasterFile } from './postmaster-file.js';
import { Postmaster, type StopMode } from './postmaster.js';
import { serverUser } from './server-user.js';
import { socketFolder, type SocketFolder } from './socket-folder.js';

/** Port of a server that only listens on a socket in a folder of its own; it is nothing but a part of the file's name. */
const SOCKET_PORT = 5432;

/** How often a free port may be taken by somebody else before we bind it. */
const PORT_ATTEMPTS = 5;

/** Milliseconds that a server of a dead owner gets to end. */
const PREDECESSOR_MS = 15_000;

/** Bytes of the log that go into an error. */
const LOG_TAIL = 4096;

/** A PostgreSQL server of our own: nobody else reaches it, and it ends with us, however we end. */
export class PrivatePostgres implements AsyncDisposable {
  private postmaster: Postmaster | undefined;

  private constructor(
    private readonly options: PrivatePostgresOptions,
    private readonly bin: string,
    private readonly runAs: RunAs | undefined,
    private readonly sockets: SocketFolder,
    private readonly removeData: boolean,
    private currentPort: number,
  ) {}

  /** @throws HozenError SERVER_START_FAILED (the end of its log as detail), PORT_TAKEN, TOOL_MISSING, SANDBOX_MISSING; the signal's reason */
  static async start(given: PrivatePostgresOptions): Promise<PrivatePostgres> {
    const bin = given.bin ?? (await serverBin(given.major));
    const runAs = await serverUser();
    const { dataDir, existed } = await prepareDataDir(bin, given, runAs);
    const options = { ...given, dataDir };
    const sockets = await socketFolder(dataDir, runAs);
    const removeData = !(given.keep ?? existed);
    const server = new PrivatePostgres(options, bin, runAs, sockets, removeData, given.port ?? 0);
    try {
      await server.launch();
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Over TCP where it listens and has a password, else through the socket. */
  address(database = 'postgres'): PostgresAddress {
    const { listen = 'socket', password, superuser = 'postgres' } = this.options;
    const tcp = listen === 'tcp' && password !== undefined;
    return {
      target: 'private server',
      host: tcp ? '127.0.0.1' : this.socketDir,
      port: this.port,
      user: superuser,
      database,
      sslMode: 'disable',
      ...(tcp ? { password } : {}),
    };
  }

  get dataDir(): string {
    return this.options.dataDir;
  }

  get socketDir(): string {
    return this.sockets.path;
  }

  get port(): number {
    return this.currentPort;
  }

  /** Of the server process; undefined when it is stopped. */
  get pid(): number | undefined {
    return this.postmaster?.running ? this.postmaster.pid : undefined;
  }

  get logFile(): string {
    return this.options.logFile ?? `${this.dataDir}.log`;
  }

  /** `fast` ends the sessions and writes a checkpoint; `immediate` is a crash. Returns when the process is gone. */
  async stop(mode: StopMode = 'fast'): Promise<void> {
    await this.postmaster?.stop(mode);
    this.postmaster = undefined;
  }

  /** Stops it, and starts it again on the same port. */
  async restart(mode: StopMode = 'fast'): Promise<void> {
    await this.stop(mode);
    await this.launch();
  }

  /** Stops it and removes what it made: the socket folder, and the data directory unless that is kept. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop(this.removeData ? 'immediate' : 'fast');
    if (this.sockets.temporary) await rm(this.sockets.path, { recursive: true, force: true });
    if (!this.removeData) return;
    await removeFolder(this.dataDir);
    await rm(this.logFile, { force: true });
  }

  private async launch(): Promise<void> {
    await waitForPredecessor(this.dataDir);
    const { listen = 'socket', startTimeoutMs = 60_000, signal } = this.options;
    const choosePort = listen === 'tcp' && this.currentPort === 0;
    for (let attempt = 1; ; attempt++) {
      const port = choosePort ? await freePort() : this.currentPort || SOCKET_PORT;
      const postmaster = await Postmaster.spawn({
        bin: this.bin,
        dataDir: this.dataDir,
        settings: this.settings(port),
        logFile: this.logFile,
        runAs: this.runAs,
        sandbox: this.sandboxView,
      });
      if (await postmaster.ready(startTimeoutMs, signal)) {
        this.postmaster = postmaster;
        this.currentPort = port;
        return;
      }
      await postmaster.stop('immediate');
      signal?.throwIfAborted();
      const detail = await logTail(this.logFile);
      const taken = detail.includes('Address already in use');
      if (!taken) throw new HozenError('SERVER_START_FAILED', { server: 'PostgreSQL' }, { detail });
      if (!choosePort || attempt === PORT_ATTEMPTS) throw new HozenError('PORT_TAKEN', { port });
    }
  }

  private get sandboxView(): SandboxView | undefined {
    const { sandbox, listen } = this.options;
    if (!sandbox) return undefined;
    const writes = [...new Set([this.dataDir, this.socketDir]), ...(sandbox.writes ?? [])];
    return { ...sandbox, writes, network: listen === 'tcp' };
  }

  private settings(port: number): Record<string, string | number | boolean> {
    return {
      ...(this.options.scratch ? SCRATCH_SETTINGS : {}),
      ...this.options.settings,
      listen_addresses: this.options.listen === 'tcp' ? '127.0.0.1' : '',
      port,
      unix_socket_directories: this.socketDir,
      unix_socket_permissions: '0700',
      logging_collector: false,
    };
  }
}

async function serverBin(major: number | undefined): Promise<string> {
  const installed = await installations('postgres');
  const fitting = installed.filter((installation) => major === undefined || installation.major === major);
  const newest = fitting.toSorted((a, b) => b.major - a.major)[0];
  if (newest === undefined) throw new HozenError('TOOL_MISSING', { tool: 'postgres', major: major ?? '' });
  return newest.bin;
}

/** The server of an owner that was killed is ending by itself; only one that goes on is somebody else's. */
async function waitForPredecessor(dataDir: string): Promise<void> {
  const deadline = performance.now() + PREDECESSOR_MS;
  for (;;) {
    const pid = await clearStalePostmasterFile(dataDir);
    if (pid === undefined) return;
    if (performance.now() > deadline) {
      const detail = `process ${pid} serves ${dataDir} already`;
      throw new HozenError('SERVER_START_FAILED', { server: 'PostgreSQL' }, { detail });
    }
    await delay(50);
  }
}

async function logTail(file: string): Promise<string> {
  const log = await readFile(file, 'utf8').catch(() => '');
  return log.slice(-LOG_TAIL).trim();
}
