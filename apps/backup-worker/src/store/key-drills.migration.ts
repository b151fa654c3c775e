import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Verifications by a private key that is kept elsewhere: whether it still opens the backups. */
export class KeyDrills1764360000000 implements MigrationInterface {
  name = 'KeyDrills1764360000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE verifications
        -- Where the key is; never the key.
        ADD COLUMN identity TEXT,
        ADD COLUMN recipients JSONB,
        DROP CONSTRAINT ck_verifications_kind,
        ADD CONSTRAINT ck_verifications_kind CHECK (kind IN ('full', 'sample', 'spot', 'key')),
        ADD CONSTRAINT ck_verifications_identity CHECK ((kind = 'key') = (identity IS NOT NULL))`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DELETE FROM verifications WHERE kind = 'key'`);
    await runner.query(`
      ALTER TABLE verifications
        DROP CONSTRAINT ck_verifications_identity, DROP CONSTRAINT ck_verifications_kind,
        DROP COLUMN identity, DROP COLUMN recipients,
        ADD CONSTRAINT ck_verifications_kind CHECK (kind IN ('full', 'sample', 'spot'))`);
  }
}
