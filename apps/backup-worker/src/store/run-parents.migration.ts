import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What an incremental or differential backup builds on. */
export class RunParents1764250000000 implements MigrationInterface {
  name = 'RunParents1764250000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE backup_runs ADD COLUMN parent_run_id UUID
        CONSTRAINT fk_backup_runs_parent_run_id REFERENCES backup_runs (id)`);
    await runner.query(
      `CREATE INDEX idx_backup_runs_parent_run_id ON backup_runs (parent_run_id) WHERE parent_run_id IS NOT NULL`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE backup_runs DROP COLUMN parent_run_id`);
  }
}
