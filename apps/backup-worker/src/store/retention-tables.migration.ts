import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What keeps artefacts, and what removed them. */
export class RetentionTables1764100000000 implements MigrationInterface {
  name = 'RetentionTables1764100000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE artefact_holds (
        run_id UUID CONSTRAINT pk_artefact_holds PRIMARY KEY
          CONSTRAINT fk_artefact_holds_run_id REFERENCES backup_artefacts (run_id),
        reason TEXT NOT NULL,
        held_by VARCHAR(200),
        held_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP
      )`);
    // A row is the tombstone: from then on nothing may build on the artefact, and its files go, however often that fails.
    await runner.query(`
      CREATE TABLE artefact_deletions (
        run_id UUID CONSTRAINT pk_artefact_deletions PRIMARY KEY
          CONSTRAINT fk_artefact_deletions_run_id REFERENCES backup_artefacts (run_id),
        reasons JSONB NOT NULL,
        decided_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
        attempts INTEGER NOT NULL DEFAULT 0,
        not_before TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
        last_error TEXT,
        deleted_at TIMESTAMPTZ
      )`);
    await runner.query(
      `CREATE INDEX idx_artefact_deletions_due ON artefact_deletions (not_before) WHERE deleted_at IS NULL`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['artefact_deletions', 'artefact_holds']) await runner.query(`DROP TABLE ${table}`);
  }
}
