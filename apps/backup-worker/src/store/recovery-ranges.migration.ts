import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Logs run beside backups, and what copies and logs reach: points in time are restored from both. */
export class RecoveryRanges1764270000000 implements MigrationInterface {
  name = 'RecoveryRanges1764270000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX uq_backup_runs_one_active_per_target');
    await runner.query(`
      CREATE UNIQUE INDEX uq_backup_runs_one_active_per_target
        ON backup_runs (target_id, (backup_level = 'transaction_log')) WHERE state = 'running'`);
    await runner.query(`
      CREATE TABLE recovery_ranges (
        run_id UUID CONSTRAINT pk_recovery_ranges PRIMARY KEY
          CONSTRAINT fk_recovery_ranges_run_id REFERENCES backup_runs (id),
        kind VARCHAR(10) NOT NULL CONSTRAINT ck_recovery_ranges_kind CHECK (kind IN ('copy', 'log')),
        system_identifier VARCHAR(20) NOT NULL,
        first_timeline BIGINT NOT NULL,
        timeline BIGINT NOT NULL,
        start_lsn PG_LSN NOT NULL,
        end_lsn PG_LSN NOT NULL,
        up_to TIMESTAMPTZ NOT NULL,
        last_transaction_at TIMESTAMPTZ,
        restore_points JSONB NOT NULL DEFAULT '[]',
        tablespaces JSONB NOT NULL DEFAULT '[]',
        segment_bytes INTEGER,
        follows_run_id UUID,
        gap JSONB
      )`);
    await runner.query(`ALTER TABLE restores ADD COLUMN point JSONB, ADD COLUMN reached JSONB`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE restores DROP COLUMN point, DROP COLUMN reached`);
    await runner.query(`DROP TABLE recovery_ranges`);
    await runner.query('DROP INDEX uq_backup_runs_one_active_per_target');
    await runner.query(
      `CREATE UNIQUE INDEX uq_backup_runs_one_active_per_target ON backup_runs (target_id) WHERE state = 'running'`,
    );
  }
}
