import { HozenError } from '@hozen/contracts';
import { logger } from '@hozen/telemetry';
import { MigrationExecutor, type DataSource, type QueryRunner } from 'typeorm';
import { MIGRATIONS_TABLE } from './data-source.js';

const log = logger('persistence');

/** Longer than any migration: the others wait for the one that runs. */
const LONGEST_WAIT = '10min';

/**
 * Brings the service's schema up to date. Any number of processes may do it at once: one works, the rest wait and find
 * nothing to do. Connects the data source when it is not connected yet.
 * @throws HozenError SCHEMA_NEWER when the schema has a migration that this version does not know
 */
export async function migrate(dataSource: DataSource): Promise<void> {
  if (!dataSource.isInitialized) await dataSource.initialize();
  const runner = dataSource.createQueryRunner();
  try {
    await holdLock(runner, `hozen migrations of ${schemaOf(dataSource)}`);
    await refuseNewerSchema(dataSource, runner);
    await runPending(dataSource, runner);
  } finally {
    await giveBack(runner);
  }
}

/** A session lock on the very connection that migrates: when that connection dies, lock and work end together. */
async function holdLock(runner: QueryRunner, name: string): Promise<void> {
  await runner.query(`select set_config('statement_timeout', $1, false), set_config('lock_timeout', $1, false)`, [
    LONGEST_WAIT,
  ]);
  await runner.query(`select pg_advisory_lock(hashtextextended($1, 0))`, [name]);
}

/** A connection that is lost has lost its lock and settings too; its error was reported where it happened. */
async function giveBack(runner: QueryRunner): Promise<void> {
  try {
    await runner.query(`select pg_advisory_unlock_all()`);
    await runner.query(`reset all`);
  } catch (error) {
    log.warn({ error: (error as Error).message }, 'the connection that migrated is gone');
  } finally {
    await runner.release();
  }
}

async function refuseNewerSchema(dataSource: DataSource, runner: QueryRunner): Promise<void> {
  const [found] = (await runner.query(`select to_regclass($1) is not null as "exists"`, [
    `${schemaOf(dataSource)}.${MIGRATIONS_TABLE}`,
  ])) as { exists: boolean }[];
  if (!found?.exists) return;
  const applied = (await runner.query(`select name from ${MIGRATIONS_TABLE} order by id`)) as { name: string }[];
  const known = new Set(dataSource.migrations.map((each) => each.name ?? each.constructor.name));
  const unknown = applied.find((each) => !known.has(each.name));
  if (unknown) throw new HozenError('SCHEMA_NEWER', { service: schemaOf(dataSource), migration: unknown.name });
}

async function runPending(dataSource: DataSource, runner: QueryRunner): Promise<void> {
  const executor = new MigrationExecutor(dataSource, runner);
  executor.transaction = 'each';
  const done = await executor.executePendingMigrations();
  for (const each of done) log.info({ migration: each.name }, 'migrated');
}

function schemaOf(dataSource: DataSource): string {
  const { options } = dataSource;
  return (options.type === 'postgres' && options.schema) || 'public';
}
