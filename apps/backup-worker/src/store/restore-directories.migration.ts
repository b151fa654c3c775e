import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Restores of files into a folder. */
export class RestoreDirectories1764260000000 implements MigrationInterface {
  name = 'RestoreDirectories1764260000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE restores ADD COLUMN directory VARCHAR(1000)`);
    await runner.query(`ALTER TABLE restores ALTER COLUMN target_name TYPE VARCHAR(1000)`);
    await runner.query(
      `CREATE UNIQUE INDEX uq_restores_one_active_per_directory ON restores (directory) WHERE state = 'running'`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP INDEX uq_restores_one_active_per_directory`);
    await runner.query(`ALTER TABLE restores DROP COLUMN directory`);
  }
}
