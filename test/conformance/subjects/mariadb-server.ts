import { connectMariadb, findMariadbTool, PrivateMariadb, type WantedKind } from '@hozen/dbms';
import { tempDir, type TempDir } from '@hozen/testkit';
import { fillMariadb, growMariadb } from '../content/fill-mariadb.js';
import { mariadbContent } from '../content/mariadb.js';
import type { Content, Source } from '../subject.js';
import { afterwards } from './afterwards.js';

const PASSWORD = 'only for "tests"';

/** A worker has no variables but those that it is given. */
const MYSQL_BIN = process.env['HOZEN_MYSQL_BIN'];
const PROGRAMS: Record<string, string> = MYSQL_BIN === undefined ? {} : { HOZEN_MYSQL_BIN: MYSQL_BIN };

/** A MariaDB or MySQL server that writes a binary log, reached by its socket: all that its methods have in common. */
export class MariadbServer implements AsyncDisposable {
  private constructor(
    private readonly folder: TempDir,
    readonly server: PrivateMariadb,
  ) {}

  static async start(kind: WantedKind = { flavour: 'mariadb' }): Promise<MariadbServer> {
    const folder = await tempDir();
    const settings = {
      'log-bin': 'bin',
      'server-id': 7,
      'innodb-flush-log-at-trx-commit': 1,
      'sync-binlog': 1,
      'binlog-format': 'ROW',
      // Each file is read whole before a byte of it is stored: of a bulk there are some.
      'max-binlog-size': 4_194_304,
    };
    const server = new MariadbServer(
      folder,
      await PrivateMariadb.start({ kind, dataDir: folder.join('data'), settings }),
    );
    await using client = await server.client();
    await client.query(`CREATE USER backup@localhost IDENTIFIED BY '${PASSWORD}'`);
    await client.query('GRANT ALL ON *.* TO backup@localhost');
    return server;
  }

  client() {
    return connectMariadb(this.server.address());
  }

  /** What does not depend on the method. */
  source(): Omit<Source, 'config' | 'restored'> {
    const { server } = this;
    const login = { kind: 'mariadb', host: server.address().host, user: 'backup', password: 'env:MARIADB_PASSWORD' };
    return {
      secrets: { MARIADB_PASSWORD: PASSWORD, ...PROGRAMS },
      targets: [{ name: 'source', ...login }],
      fill: async (content: Content) => {
        await using client = await this.client();
        await fillMariadb(client, content);
      },
      grow: async (what: string, count: number) => {
        await using client = await this.client();
        await growMariadb(client, what, count);
      },
      content: async () => {
        await using client = await this.client();
        return await mariadbContent(client);
      },
      leftovers: () => this.#sessions(),
      break: async () => {
        await server.stop('crash');
        return afterwards(() => server.restart());
      },
      [Symbol.asyncDispose]: () => this[Symbol.asyncDispose](),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await this.folder[Symbol.asyncDispose]();
  }

  /** A session holds every lock that a backup could have left. */
  async #sessions(): Promise<string[]> {
    await using client = await this.client();
    const rows = await client.query<{ what: string }>(
      `SELECT concat(user, ': ', coalesce(info, command)) AS what FROM information_schema.processlist WHERE user = 'backup'`,
    );
    return rows.map(({ what }) => what);
  }
}

/** What is in a data directory that was restored. */
export async function contentOfMariadb(
  directory: string,
  kind: WantedKind = { flavour: 'mariadb' },
): Promise<string[]> {
  await using server = await PrivateMariadb.start({ kind, dataDir: directory, logFile: `${directory}.log` });
  await using client = await connectMariadb(server.address());
  return await mariadbContent(client);
}

/** @returns why there is no such server to be backed up here */
export async function withoutMariadb(
  kind: WantedKind,
  ...programs: Parameters<typeof findMariadbTool>[0][]
): Promise<string | undefined> {
  try {
    await Promise.all(programs.map((each) => findMariadbTool(each, kind)));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
