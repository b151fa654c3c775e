import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What runs wait for: places at a storage, and room that is kept for others. */
export class Admission1764510000000 implements MigrationInterface {
  name = 'Admission1764510000000';

  async up(runner: QueryRunner): Promise<void> {
    // As storageLocation() writes it, and as isSamePlace() compares it.
    await runner.query(`
      CREATE FUNCTION storage_location(spec JSONB) RETURNS TEXT IMMUTABLE LANGUAGE sql AS $$
        SELECT coalesce(spec ->> 'path', 's3://' || (spec ->> 'bucket') || coalesce('/' || (spec ->> 'prefix'), ''))
      $$`);
    await runner.query(`
      CREATE FUNCTION storage_place(spec JSONB) RETURNS TEXT IMMUTABLE LANGUAGE sql AS $$
        SELECT coalesce(regexp_replace((spec ->> 'path') || '/', '/+', '/', 'g'),
                        rtrim(coalesce(spec ->> 'endpoint', ''), '/') || ' s3://' || (spec ->> 'bucket')
                          || coalesce('/' || (spec ->> 'prefix'), ''))
      $$`);
    await runner.query(`
      ALTER TABLE backup_configs
        ADD COLUMN storage_place TEXT GENERATED ALWAYS AS (storage_place(spec -> 'storage')) STORED,
        ADD COLUMN secondary_place TEXT GENERATED ALWAYS AS (storage_place(spec -> 'secondaryStorage')) STORED`);
    await runner.query(`ALTER TABLE backup_runs ADD COLUMN waits_for JSONB`);
    await runner.query(`
      CREATE TABLE space_claims (
        run_id UUID NOT NULL CONSTRAINT fk_space_claims_run_id REFERENCES backup_runs (id) ON DELETE CASCADE,
        file_system VARCHAR(200) NOT NULL,
        path VARCHAR(1100) NOT NULL,
        bytes BIGINT NOT NULL,
        CONSTRAINT pk_space_claims PRIMARY KEY (run_id, file_system)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE space_claims`);
    await runner.query(`ALTER TABLE backup_runs DROP COLUMN waits_for`);
    await runner.query(`ALTER TABLE backup_configs DROP COLUMN storage_place, DROP COLUMN secondary_place`);
    await runner.query(`DROP FUNCTION storage_place(JSONB)`);
    await runner.query(`DROP FUNCTION storage_location(JSONB)`);
  }
}
