import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What somebody lets a restore bring although nobody answers for its backup. */
export class RestoreAllowances1764530000000 implements MigrationInterface {
  name = 'RestoreAllowances1764530000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE restores ADD COLUMN allow JSONB NOT NULL DEFAULT '[]'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE restores DROP COLUMN allow');
  }
}
