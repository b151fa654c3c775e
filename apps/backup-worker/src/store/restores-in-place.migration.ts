import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Restores that take the place of what is there: approved of by a second person, and undone to the last step. */
export class RestoresInPlace1764320000000 implements MigrationInterface {
  name = 'RestoresInPlace1764320000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE restores
        ADD COLUMN in_place BOOLEAN NOT NULL DEFAULT false,
        ADD COLUMN plan_hash VARCHAR(64),
        ADD COLUMN approval_until TIMESTAMPTZ,
        ADD COLUMN approval JSONB,
        -- The limits of connections as they were before the databases were closed; written before anything is.
        ADD COLUMN closed JSONB,
        ADD CONSTRAINT ck_restores_in_place CHECK (NOT in_place OR plan_hash IS NOT NULL AND approval_until IS NOT NULL)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE restores
        DROP COLUMN in_place, DROP COLUMN plan_hash, DROP COLUMN approval_until, DROP COLUMN approval, DROP COLUMN closed`);
  }
}
