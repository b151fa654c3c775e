import { chown, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { removeFolder } from '../processes/remove-folder.js';
import { HozenError } from '@hozen/contracts';
import type { RunAs } from '../processes/guarded.js';
import type { SandboxView } from '../processes/sandbox-arguments.js';
import { ServerProcess } from '../processes/server-process.js';
import { freePort } from '../server/free-port.js';
import { giveToServer } from '../server/give-to-server.js';
import { serverUser } from '../server/server-user.js';
import { toolOutput } from '../tools/tool-output.js';
import { connectMariadb } from './connect-mariadb.js';
import { FLAVOUR_NAMES, type Flavour, type ServerKind } from './flavour.js';
import type { AnsweringMariadb } from './mariadb-address.js';
import { findMariadbTool, type WantedKind } from './mariadb-tools.js';

export interface PrivateMariadbOptions {
  /** Default: MariaDB, whichever there is. With a version: one of its release series, where there is one. */
  kind?: WantedKind;
  /** Missing or empty: it is made; with files of a server in it: they are used. For root: the server's user must be able to pass through the folders above it. */
  dataDir: string;
  /** `socket` (the default): nothing but a socket in a folder of its own. `tcp`: 127.0.0.1 as well. */
  listen?: 'socket' | 'tcp';
  /** Settings as in my.cnf, with dashes; never secrets, they stand on the command line. */
  settings?: Readonly<Record<string, string | number>>;
  /** Of MySQL: what is installed into it when it is made, `file://component_query_attributes`. */
  components?: readonly string[];
  /** For what may be written by somebody else: it runs in a sandbox where one can be had, and sees nothing but its data, its socket and this. */
  sandbox?: SandboxView;
  /** Leave the data directory when disposing. Stop the server before: that takes the time which it needs then. */
  keep?: boolean;
  /** Default: beside the data directory. It goes with it. */
  logFile?: string;
  startTimeoutMs?: number;
  signal?: AbortSignal;
}

/** What is in it can be thrown away, and nothing in it acts by itself. */
const SETTINGS = {
  'innodb-flush-log-at-trx-commit': 0,
  'innodb-doublewrite': 'OFF',
  'innodb-buffer-pool-size': '128M',
  'event-scheduler': 'OFF',
  'character-set-server': 'utf8mb4',
  'max-allowed-packet': '1G',
  'skip-name-resolve': 1,
} as const;

/** What else has to be said to one flavour. */
const OWN_SETTINGS: Readonly<Record<Flavour, Readonly<Record<string, string | number>>>> = {
  mariadb: {
    // Engines that a table would be made without, and in silence. Those that are not installed are passed over.
    'plugin-load-add': 'ha_archive.so;ha_blackhole.so;ha_federatedx.so',
  },
  mysql: {
    // It would open a port, and a socket elsewhere.
    mysqlx: 'OFF',
    'performance-schema': 'OFF',
    // Users of these are created where the plugin is there alone. Those that this MySQL does not have are passed over.
    'plugin-load-add': 'auth_socket.so;mysql_no_login.so;mysql_native_password.so',
    'loose-mysql-native-password': 'ON',
  },
};

const LOG_TAIL = 4096;
const STOP_MS = 15_000;
/** What is kept must be whole: pages that were changed are written first. */
const STOP_WHOLE_MS = 3_600_000;

/** A MariaDB or MySQL server of our own: nobody else reaches it, and it ends with us, however we end. */
export class PrivateMariadb implements AsyncDisposable {
  #process: ServerProcess | undefined;
  #port = 0;

  private constructor(
    private readonly options: PrivateMariadbOptions,
    private readonly program: string,
    private readonly kind: ServerKind,
    private readonly runAs: RunAs | undefined,
    private readonly sockets: string,
  ) {}

  /** @throws HozenError SERVER_START_FAILED (the end of its log as detail), PROGRAM_MISSING, SANDBOX_MISSING; the signal's reason */
  static async start(options: PrivateMariadbOptions): Promise<PrivateMariadb> {
    const { flavour } = options.kind ?? { flavour: 'mariadb' };
    const { path, version } = await findMariadbTool('server', options.kind);
    const runAs = await serverUser();
    const sockets = await mkdtemp('/tmp/hz-my-');
    if (runAs !== undefined) await chown(sockets, runAs.uid, runAs.gid);
    const server = new PrivateMariadb(options, path, { flavour, version }, runAs, sockets);
    try {
      const isNew = await server.#makeDataDir();
      await server.#launch();
      if (isNew) await server.#install(options.components ?? []);
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** As root, through the socket. */
  address(): AnsweringMariadb {
    const { kind: server } = this;
    return { target: 'private server', host: this.#socket, port: 3306, user: 'root', sslMode: 'disable', server };
  }

  get dataDir(): string {
    return this.options.dataDir;
  }

  /** On 127.0.0.1, where it listens there. */
  get port(): number {
    return this.#port;
  }

  /**
   * `crash` is what SIGKILL does.
   * @throws HozenError INTERNAL with the end of its log, when a server whose data is kept did not come to its proper end
   */
  async stop(mode: 'fast' | 'crash' = 'fast'): Promise<void> {
    const server = this.#process;
    this.#process = undefined;
    if (!server?.running) return;
    server.kill(mode === 'crash' ? 'SIGKILL' : 'SIGTERM');
    const timer = setTimeout(() => server.kill('SIGKILL'), this.options.keep ? STOP_WHOLE_MS : STOP_MS);
    await server.gone;
    clearTimeout(timer);
    if (!this.options.keep || mode === 'crash' || server.exitCode === 0) return;
    throw new HozenError('INTERNAL', {}, { detail: await this.#logTail() });
  }

  async restart(mode: 'fast' | 'crash' = 'fast'): Promise<void> {
    await this.stop(mode);
    await this.#launch();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('crash');
    await rm(this.sockets, { recursive: true, force: true });
    if (this.options.keep) return;
    await removeFolder(this.dataDir);
    await rm(this.#logFile, { force: true });
  }

  get #socket(): string {
    return join(this.sockets, 'server.sock');
  }

  /** A server that starts removes all temporary tables from this folder, whosever they are: never those of another server. */
  get #tmpdir(): string {
    return `--tmpdir=${this.sockets}`;
  }

  get #logFile(): string {
    return this.options.logFile ?? `${this.dataDir}.log`;
  }

  /** @returns whether it was not there */
  async #makeDataDir(): Promise<boolean> {
    const { dataDir } = this.options;
    await mkdir(dirname(dataDir), { recursive: true, mode: 0o711 });
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    await giveToServer(dataDir);
    if ((await readdir(dataDir)).includes('ibdata1')) return false;
    const runAs = this.runAs === undefined ? {} : { runAs: this.runAs };
    if (this.kind.flavour === 'mysql') {
      // Some settings, such as lower_case_table_names, are those of the data directory for ever.
      const args = ['--no-defaults', '--initialize-insecure', ...this.#own, ...this.#settings];
      await toolOutput({ path: this.program, args, ...runAs });
      return true;
    }
    const { path } = await findMariadbTool('install');
    await toolOutput({
      path,
      args: [
        '--no-defaults',
        `--datadir=${dataDir}`,
        '--auth-root-authentication-method=normal',
        '--skip-test-db',
        '--skip-name-resolve',
        this.#tmpdir,
        '--innodb-flush-log-at-trx-commit=0',
      ],
      ...runAs,
    });
    return true;
  }

  async #install(components: readonly string[]): Promise<void> {
    if (components.length === 0) return;
    await using client = await connectMariadb(this.address());
    for (const urn of components) await client.query(`INSTALL COMPONENT ${client.literal(urn)}`);
  }

  get #own(): string[] {
    return [
      `--datadir=${this.dataDir}`,
      `--socket=${this.#socket}`,
      `--pid-file=${join(this.sockets, 'pid')}`,
      this.#tmpdir,
      // What somebody put into a backup must not read or write files of this machine.
      `--secure-file-priv=${this.sockets}`,
    ];
  }

  get #settings(): string[] {
    const { settings = {} } = this.options;
    const { flavour } = this.kind;
    // MySQL writes a binary log unless it is told not to.
    const log = flavour === 'mysql' && !('log-bin' in settings) ? { 'skip-log-bin': 1 } : {};
    const all = { ...SETTINGS, ...OWN_SETTINGS[flavour], ...log, ...settings };
    return Object.entries(all).map(([name, value]) => `--${name}=${value}`);
  }

  async #launch(): Promise<void> {
    const { listen = 'socket', startTimeoutMs = 120_000, signal } = this.options;
    if (listen === 'tcp' && this.#port === 0) this.#port = await freePort();
    const network = listen === 'tcp' ? ['--bind-address=127.0.0.1', `--port=${this.#port}`] : ['--skip-networking'];
    const command = { path: this.program, args: ['--no-defaults', ...this.#own, ...network, ...this.#settings] };
    const { sandbox } = this.options;
    const writes = [this.dataDir, this.sockets, ...(sandbox?.writes ?? [])];
    const server = (this.#process = await ServerProcess.spawn({
      command,
      logFile: this.#logFile,
      runAs: this.runAs,
      whenWeDie: 'KILL',
      sandbox: sandbox && { ...sandbox, writes, network: listen === 'tcp' },
    }));
    const deadline = performance.now() + startTimeoutMs;
    while (server.running && performance.now() < deadline) {
      signal?.throwIfAborted();
      if (await this.#answers()) return;
      await delay(20);
    }
    throw new HozenError(
      'SERVER_START_FAILED',
      { server: FLAVOUR_NAMES[this.kind.flavour] },
      { detail: await this.#logTail() },
    );
  }

  async #logTail(): Promise<string> {
    return (await readFile(this.#logFile, 'utf8').catch(() => '')).slice(-LOG_TAIL).trim();
  }

  async #answers(): Promise<boolean> {
    try {
      await using client = await connectMariadb(this.address());
      await client.query('SELECT 1');
      return true;
    } catch {
      return false;
    }
  }
}
