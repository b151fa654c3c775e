import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What a restore in place takes away for a moment stands here until it is there again. */
export class MariadbInPlace1764450000000 implements MigrationInterface {
  name = 'MariadbInPlace1764450000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE restores ADD COLUMN set_aside JSONB`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE restores DROP COLUMN set_aside`);
  }
}
