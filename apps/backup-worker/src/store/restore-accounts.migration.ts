import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The accounts that a restore of everything makes on a MariaDB or MySQL server are written down before the first one is made. */
export class RestoreAccounts1764610000000 implements MigrationInterface {
  name = 'RestoreAccounts1764610000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE restores ADD COLUMN accounts JSONB`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE restores DROP COLUMN accounts`);
  }
}
