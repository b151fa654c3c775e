import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Binary logs of MariaDB reach from place to place as well: there `lsn` is the number of the file and the position in it. */
export class BinlogRanges1764340000000 implements MigrationInterface {
  name = 'BinlogRanges1764340000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE recovery_ranges
        ALTER COLUMN system_identifier TYPE VARCHAR(300),
        ADD COLUMN begins_at TIMESTAMPTZ,
        ADD COLUMN gtids TEXT`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DELETE FROM recovery_ranges WHERE begins_at IS NOT NULL`);
    await runner.query(`
      ALTER TABLE recovery_ranges
        DROP COLUMN begins_at, DROP COLUMN gtids, ALTER COLUMN system_identifier TYPE VARCHAR(20)`);
  }
}
