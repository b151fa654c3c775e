import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Second copies of artefacts, and the work of making those that are missing. */
export class BackupCopies1764280000000 implements MigrationInterface {
  name = 'BackupCopies1764280000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE backup_copies (
        run_id UUID CONSTRAINT pk_backup_copies PRIMARY KEY
          CONSTRAINT fk_backup_copies_run_id REFERENCES backup_artefacts (run_id),
        file_path VARCHAR(1000) NOT NULL,
        storage JSONB NOT NULL,
        state VARCHAR(20) NOT NULL
          CONSTRAINT ck_backup_copies_state CHECK (state IN ('pending', 'copying', 'standing', 'deleted')),
        owner VARCHAR(200),
        epoch BIGINT NOT NULL DEFAULT 0,
        lease_until TIMESTAMPTZ,
        attempts INTEGER NOT NULL DEFAULT 0,
        not_before TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
        last_error TEXT,
        standing_since TIMESTAMPTZ
      )`);
    await runner.query(
      `CREATE INDEX idx_backup_copies_due ON backup_copies (not_before) WHERE state IN ('pending', 'copying')`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE backup_copies`);
  }
}
