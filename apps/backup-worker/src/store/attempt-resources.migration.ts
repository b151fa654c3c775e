import type { MigrationInterface, QueryRunner } from 'typeorm';

/** By which means an attempt was held to the limits of its config. */
export class AttemptResources1764500000000 implements MigrationInterface {
  name = 'AttemptResources1764500000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE backup_attempts ADD COLUMN resources JSONB`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE backup_attempts DROP COLUMN resources`);
  }
}
