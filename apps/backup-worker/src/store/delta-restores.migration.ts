import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A folder can be replaced as well as be made what a backup holds. */
export class DeltaRestores1764600000000 implements MigrationInterface {
  name = 'DeltaRestores1764600000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE restores ADD COLUMN delta BOOLEAN NOT NULL DEFAULT false');
    await runner.query('UPDATE restores SET delta = true WHERE in_place AND directory IS NOT NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE restores DROP COLUMN delta');
  }
}
