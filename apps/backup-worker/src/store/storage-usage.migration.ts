import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How full the places are that configs store in. */
export class StorageUsage1764520000000 implements MigrationInterface {
  name = 'StorageUsage1764520000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE storage_usage (
        place TEXT CONSTRAINT pk_storage_usage PRIMARY KEY,
        next_at TIMESTAMPTZ NOT NULL,
        epoch BIGINT NOT NULL DEFAULT 0,
        level VARCHAR(10) NOT NULL DEFAULT 'ok'
          CONSTRAINT ck_storage_usage_level CHECK (level IN ('ok', 'warning', 'critical')),
        used_bytes BIGINT,
        capacity_bytes BIGINT,
        looked_at TIMESTAMPTZ,
        last_error TEXT
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE storage_usage`);
  }
}
