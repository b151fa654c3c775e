import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { BackupConfiguration, newEvent, requireValid } from '@hozen/contracts';
import { connectMariadb, mariadbDatabases, PrivateMariadb } from '@hozen/dbms';
import { tempDir, type TempDir } from '@hozen/testkit';
import { backUp } from '../backup.fixture.js';
import { applyConfiguration } from '../configs/apply-configuration.js';
import { fill, hasMariadb, mariadbJob } from '../methods/mariadb-logical/mariadb.fixture.js';
import { fillMysql, hasMysql, MYSQL } from '../methods/mariadb-logical/mysql.fixture.js';
import { BackupStore } from './backup-store.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { acceptRestore } from '../restores/accept-restore.js';
import type { RestoreRow } from '../restores/restore-row.js';

/** The servers that dumps are of. */
export const FLAVOURS = [
  {
    flavour: 'MariaDB',
    kind: { flavour: 'mariadb' },
    has: hasMariadb,
    fillIt: fill,
    without: 'no mariadbd: install mariadb-server',
  },
  {
    flavour: 'MySQL',
    kind: MYSQL,
    has: hasMysql,
    fillIt: fillMysql,
    without: 'no mysqld: name its programs in HOZEN_MYSQL_BIN',
  },
] as const;

/** A server (`shop`), a proven dump of it by the config `nightly`, and another server (`elsewhere`) with nothing in it. */
export class MariadbRestores implements AsyncDisposable {
  private constructor(
    readonly store: BackupStore,
    readonly source: PrivateMariadb,
    readonly destination: PrivateMariadb,
    readonly folder: TempDir,
    readonly artefact: CommittedArtefact,
    readonly runId: string,
  ) {}

  static async start({ kind, fillIt }: Pick<(typeof FLAVOURS)[number], 'kind' | 'fillIt'>): Promise<MariadbRestores> {
    const folder = await tempDir();
    const [store, source, destination] = await Promise.all([
      BackupStore.start(),
      PrivateMariadb.start({ kind, dataDir: folder.join('one') }),
      PrivateMariadb.start({ kind, dataDir: folder.join('other'), settings: { 'log-bin': 'bin', 'server-id': 2 } }),
    ]);
    await fillIt(source);
    await using client = await connectMariadb(source.address());
    if (kind.flavour === 'mariadb') await client.query(`ALTER DATABASE shop COMMENT = 'the shop''s'`);
    const job = mariadbJob(source, folder.path);
    mkdirSync(job.spoolDir, { recursive: true, mode: 0o711 });
    const artefact = await backUp(job);
    await using there = await connectMariadb(destination.address());
    for (const urn of artefact.manifest.mariadb?.components ?? []) {
      await there.query(`INSTALL COMPONENT ${there.literal(urn)}`);
    }
    const target = (name: string, server: PrivateMariadb) => ({ name, kind: 'mariadb', host: server.address().host });
    const wanted = requireValid(BackupConfiguration, {
      targets: [target('shop', source), target('elsewhere', destination)],
      configs: [
        { name: 'nightly', target: 'shop', method: 'mariadb-logical', storage: { kind: 'file', path: folder.path } },
      ],
    });
    await store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
    const runId = await store.completed('nightly', artefact);
    return new MariadbRestores(store, source, destination, folder, artefact, runId);
  }

  /** Of the database `shop`, as `shop copy`, if nothing else is said. @returns the id of the request */
  async request(change: object = {}): Promise<string> {
    const data = { run: this.runId, target: 'elsewhere', databases: [{ name: 'shop', as: 'shop copy' }], ...change };
    const event = newEvent('restore.requested', data, { source: 'spec', id: randomUUID() });
    await this.store.outbox.transaction((tx) => acceptRestore(tx, event));
    return event.id;
  }

  /** As when its worker died: the lease is over. */
  async orphaned({ id }: RestoreRow): Promise<void> {
    await this.store.database.query('UPDATE restores SET lease_until = clock_timestamp() WHERE id = $1', [id]);
  }

  async execute(row: RestoreRow): Promise<void> {
    await this.store.executeRestore(row, this.folder.join('spool'));
  }

  /** Databases and their comments. */
  async namesAt(server: PrivateMariadb): Promise<Record<string, string>> {
    await using client = await connectMariadb(server.address());
    return Object.fromEntries((await mariadbDatabases(client)).map(({ name, comment }) => [name, comment]));
  }

  async dropDatabases(): Promise<void> {
    await using client = await connectMariadb(this.destination.address());
    for (const { name } of await mariadbDatabases(client)) await client.query(`DROP DATABASE ${client.name(name)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { store, source, destination, folder } = this;
    await Promise.all([store, source, destination, folder].map((each) => each[Symbol.asyncDispose]()));
  }
}
