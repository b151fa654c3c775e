import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Standing backups that are proven once more, and those that turned out to be bad. */
export class Verifications1764310000000 implements MigrationInterface {
  name = 'Verifications1764310000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE verifications (
        id UUID CONSTRAINT pk_verifications PRIMARY KEY,
        request_id VARCHAR(300) NOT NULL CONSTRAINT uq_verifications_request_id UNIQUE,
        kind VARCHAR(10) NOT NULL CONSTRAINT ck_verifications_kind CHECK (kind IN ('full', 'sample', 'spot')),
        seed INTEGER,
        run_id UUID NOT NULL CONSTRAINT fk_verifications_run_id REFERENCES backup_artefacts (run_id),
        config_name VARCHAR(200) NOT NULL,
        target_name VARCHAR(200) NOT NULL,
        requested_by VARCHAR(200),
        reason TEXT,
        traceparent VARCHAR(64),
        state VARCHAR(20) NOT NULL DEFAULT 'queued'
          CONSTRAINT ck_verifications_state CHECK (state IN ('queued', 'running', 'completed', 'failed', 'cancelled')),
        owner VARCHAR(200),
        epoch BIGINT NOT NULL DEFAULT 0,
        lease_until TIMESTAMPTZ,
        attempt INTEGER NOT NULL DEFAULT 0,
        cancel_requested_at TIMESTAMPTZ,
        progress JSONB,
        -- What the first look found to be wrong: it is believed only when a second one finds it too.
        suspicion JSONB,
        proof JSONB,
        rto_seconds DOUBLE PRECISION,
        rpo_seconds DOUBLE PRECISION,
        verdict VARCHAR(10) CONSTRAINT ck_verifications_verdict CHECK (verdict IN ('bad', 'unknown')),
        error JSONB,
        queued_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
        started_at TIMESTAMPTZ,
        finished_at TIMESTAMPTZ
      )`);
    await runner.query(`CREATE INDEX idx_verifications_queued_at ON verifications (queued_at DESC, id)`);
    await runner.query(
      `CREATE INDEX idx_verifications_active ON verifications (run_id) WHERE state IN ('queued', 'running')`,
    );
    await runner.query(`ALTER TABLE backup_artefacts ADD COLUMN bad_since TIMESTAMPTZ`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE backup_artefacts DROP COLUMN bad_since`);
    await runner.query('DROP TABLE verifications');
  }
}
