import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import {
  connect,
  PrivatePostgres,
  type PostgresAddress,
  type PrivatePostgresOptions,
  type StopMode,
  type TargetClient,
} from '@hozen/dbms';
import { formatDatabaseUrl } from '@hozen/persistence';
import { keepsEverything, tempDir, type TempDir } from '../temp-dir.js';

export type TestPostgresOptions = Pick<
  PrivatePostgresOptions,
  'bin' | 'major' | 'superuser' | 'settings' | 'initdbArgs'
>;

/**
 * Quick, but with what a server in production has: WAL for replicas, and commits that survive the death of the process
 * (`restart('immediate')`), since that is what tests do to it. Only a power cut would do harm.
 */
const SETTINGS = {
  synchronous_commit: true,
  wal_level: 'replica',
  max_wal_senders: 10,
  // Sessions are cut off and servers restarted on purpose: the log tells why a test failed.
  log_connections: true,
  log_disconnections: true,
} as const;

/** A PostgreSQL server of the test's own, on 127.0.0.1 and a free port, with a password. */
export class TestPostgres implements AsyncDisposable {
  private constructor(
    private readonly folder: TempDir,
    private readonly server: PrivatePostgres,
    /** Of the superuser. */
    readonly password: string,
  ) {}

  static async start(options: TestPostgresOptions = {}): Promise<TestPostgres> {
    const folder = await tempDir();
    const password = randomBytes(12).toString('hex');
    try {
      const server = await PrivatePostgres.start({
        ...options,
        dataDir: folder.join('data'),
        listen: 'tcp',
        password,
        scratch: true,
        keep: keepsEverything(),
        settings: { ...SETTINGS, ...options.settings },
      });
      return new TestPostgres(folder, server, password);
    } catch (error) {
      await folder[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** As superuser. */
  address(database = 'postgres'): PostgresAddress {
    return this.server.address(database);
  }

  /** As superuser, the password in it. */
  url(database = 'postgres'): string {
    const { host, port, user } = this.address();
    const url = new URL(formatDatabaseUrl({ host, port, user, database, sslMode: 'disable' }));
    url.password = this.password;
    return url.href;
  }

  get port(): number {
    return this.server.port;
  }

  /** Folder of its socket, which trusts whoever gets there. */
  get socketDir(): string {
    return this.server.socketDir;
  }

  get dataDir(): string {
    return this.server.dataDir;
  }

  /** Of the server process; undefined when it is stopped. */
  get pid(): number | undefined {
    return this.server.pid;
  }

  /** A superuser's connection; `await using` closes it. */
  client(database?: string): Promise<TargetClient> {
    return connect(this.address(database), { applicationName: 'test' });
  }

  /** @returns the name: the given one, or one that is new */
  async createDatabase(name = `db_${randomBytes(6).toString('hex')}`): Promise<string> {
    await using client = await this.client();
    await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
    return name;
  }

  /** On the same port. `immediate` is a crash. */
  restart(mode: StopMode = 'fast'): Promise<void> {
    return this.server.restart(mode);
  }

  stop(mode: StopMode = 'fast'): Promise<void> {
    return this.server.stop(mode);
  }

  /** What the server has written so far. */
  log(): Promise<string> {
    return readFile(this.server.logFile, 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await this.folder[Symbol.asyncDispose]();
  }
}
