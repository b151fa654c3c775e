import type { MigrationInterface, QueryRunner } from 'typeorm';

/** `backup_configs.storage_path` (TBL-040) of a bucket is `s3://bucket/prefix`, as storageLocation() writes it. */
export class StoragePath1764150000000 implements MigrationInterface {
  name = 'StoragePath1764150000000';

  async up(runner: QueryRunner): Promise<void> {
    // PostgreSQL before 17 cannot give a generated column another expression.
    await runner.query(`
      ALTER TABLE backup_configs
        DROP COLUMN storage_path,
        ADD COLUMN storage_path VARCHAR(1000) NOT NULL GENERATED ALWAYS AS (
          coalesce(spec -> 'storage' ->> 'path',
                   's3://' || (spec -> 'storage' ->> 'bucket') || coalesce('/' || (spec -> 'storage' ->> 'prefix'), ''))
        ) STORED`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE backup_configs
        DROP COLUMN storage_path,
        ADD COLUMN storage_path VARCHAR(1000) NOT NULL GENERATED ALWAYS AS (spec -> 'storage' ->> 'path') STORED`);
  }
}
