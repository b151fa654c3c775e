import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who receives the WAL of a config all the time, and how far it is. */
export class WalReceivers1764400000000 implements MigrationInterface {
  name = 'WalReceivers1764400000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE wal_receivers (
        config_id BIGINT CONSTRAINT pk_wal_receivers PRIMARY KEY
          CONSTRAINT fk_wal_receivers_config_id REFERENCES backup_configs (id) ON DELETE CASCADE,
        owner VARCHAR(200),
        epoch BIGINT NOT NULL DEFAULT 0,
        lease_until TIMESTAMPTZ,
        received_until PG_LSN,
        received_at TIMESTAMPTZ,
        last_error TEXT
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE wal_receivers`);
  }
}
