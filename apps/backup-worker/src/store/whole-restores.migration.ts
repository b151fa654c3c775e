import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Restores of all databases of a backup, with their roles. */
export class WholeRestores1764410000000 implements MigrationInterface {
  name = 'WholeRestores1764410000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE restores ADD COLUMN whole BOOLEAN NOT NULL DEFAULT false');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE restores DROP COLUMN whole');
  }
}
