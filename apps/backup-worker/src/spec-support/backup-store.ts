import { randomUUID } from 'node:crypto';
import {
  BackupConfiguration,
  newEvent,
  requireValid,
  type ConfigSpec,
  type DataOf,
  type VerificationKind,
} from '@hozen/contracts';
import { connectBroker, Outbox, type Broker } from '@hozen/messaging';
import { createDataSource, migrate } from '@hozen/persistence';
import { logger } from '@hozen/telemetry';
import { ServiceDatabases, TestNats, TestPostgres } from '@hozen/testkit';
import type { DataSource } from 'typeorm';
import { applyConfiguration } from '../configs/apply-configuration.js';
import { acceptRequest } from '../intake/accept-request.js';
import { claimRestore } from '../restores/claim-restore.js';
import { executeRestore } from '../restores/execute-restore.js';
import type { RestoreContext } from '../restores/restore-context.js';
import type { RestoreRow } from '../restores/restore-row.js';
import { claimRun } from '../runs/claim-run.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { BackupConfig, BackupTarget, type RunRow } from '../store/entities.js';
import { migrations } from '../store/migrations.js';
import { acceptVerification } from '../verifications/accept-verification.js';
import { claimVerification } from '../verifications/claim-verification.js';
import { executeVerification } from '../verifications/execute-verification.js';

/** The service's database with its tables, and an outbox that nobody empties. */
export class BackupStore implements AsyncDisposable {
  private constructor(
    readonly database: DataSource,
    readonly outbox: Outbox,
    private readonly broker: Broker,
    private readonly servers: AsyncDisposableStack,
  ) {}

  static async start(): Promise<BackupStore> {
    const servers = new AsyncDisposableStack();
    const postgres = servers.use(await TestPostgres.start());
    const nats = servers.use(await TestNats.start());
    const { urls } = await ServiceDatabases.provision(postgres);
    const entities = [BackupTarget, BackupConfig];
    const database = createDataSource({ url: urls.backup, service: 'backup', entities, migrations });
    await migrate(database);
    const broker = await connectBroker({ url: nats.url, name: 'spec' });
    return new BackupStore(database, new Outbox({ dataSource: database, broker, service: 'backup' }), broker, servers);
  }

  /** A target and a config of the same name that stores below `path`. */
  async configure(name: string, path: string, target = name, more: Partial<ConfigSpec> = {}): Promise<void> {
    const wanted = requireValid(BackupConfiguration, {
      targets: [{ name: target, kind: 'postgres', host: `${target}.example.org` }],
      configs: [{ name, target, storage: { kind: 'file', path }, ...more }],
    });
    await this.database.transaction((manager) => applyConfiguration(manager, wanted, false));
  }

  /** @returns the queued run */
  async request(
    config: string,
    about: { id?: string; data?: Partial<DataOf<'backup.requested'>> } = {},
  ): Promise<RunRow> {
    const id = about.id ?? randomUUID();
    const event = newEvent('backup.requested', { config, ...about.data }, { source: 'spec', id });
    await this.outbox.transaction((tx) => acceptRequest(tx, event));
    const [run] = await this.database.query<RunRow[]>('SELECT * FROM backup_runs WHERE request_id = $1', [id]);
    if (!run) throw new Error('the request was not accepted');
    return run;
  }

  /** The next restore that is due. */
  async claimRestore(): Promise<RestoreRow> {
    const row = await claimRestore(this.database, 'spec');
    if (!row) throw new Error('there is nothing to claim');
    return row;
  }

  /** From its claim to its end, without a word. */
  async executeRestore(
    row: RestoreRow,
    spoolRoot: string,
    { restoreFolders = [], shutdown = new AbortController().signal }: Partial<RestoreContext> = {},
  ): Promise<void> {
    const log = logger('spec');
    log.level = 'silent';
    const { database, outbox } = this;
    await executeRestore(row, performance.now(), { database, outbox, log, spoolRoot, restoreFolders, shutdown });
  }

  /** A verification of the run, with the second look at what seems bad, without a word. */
  async verify(run: string, kind: VerificationKind, spoolRoot: string): Promise<void> {
    const event = newEvent('verification.requested', { run, kind }, { source: 'spec' });
    await this.outbox.transaction((tx) => acceptVerification(tx, event));
    const { database, outbox } = this;
    const log = logger('spec');
    log.level = 'silent';
    const context = { database, outbox, log, spoolRoot, shutdown: new AbortController().signal };
    for (let row = await claimVerification(database, 'spec'); row; row = await claimVerification(database, 'spec')) {
      await executeVerification(row, performance.now(), context);
    }
  }

  async claim(worker = 'spec'): Promise<RunRow> {
    const run = await claimRun(this.database, worker, 'backups');
    if (!run) throw new Error('there is nothing to claim');
    return run;
  }

  /** An artefact as a completed run of the config has it. @returns the run's id */
  async completed(config: string, made: CommittedArtefact): Promise<string> {
    const { id } = await this.request(config);
    await this.database.query(
      `UPDATE backup_runs SET state = 'completed', started_at = clock_timestamp(), finished_at = clock_timestamp() WHERE id = $1`,
      [id],
    );
    await this.database.query(
      `INSERT INTO backup_artefacts
         (run_id, file_path, checksum_path, manifest_path, file_size, original_size, sha256, proof, proven_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, '{"level":"restore","databases":1,"tables":2,"seconds":4}', clock_timestamp())`,
      [id, made.path, made.checksumPath, made.manifestPath, made.bytes, made.originalBytes, made.sha256],
    );
    return id;
  }

  async run(id: string): Promise<RunRow> {
    const [run] = await this.database.query<RunRow[]>('SELECT * FROM backup_runs WHERE id = $1', [id]);
    if (!run) throw new Error('there is no such run');
    return run;
  }

  /** Types of the events written about a run, oldest first. */
  async eventsOf(runId: string): Promise<string[]> {
    const rows = await this.database.query<{ subject: string }[]>(
      `SELECT subject FROM outbox WHERE body ->> 'subject' = $1 ORDER BY position`,
      [runId],
    );
    return rows.map((row) => row.subject);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.broker.close();
    await this.database.destroy();
    await this.servers.disposeAsync();
  }
}
