import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Restores (API-308): durable runs, like those of backups. */
export class Restores1764160000000 implements MigrationInterface {
  name = 'Restores1764160000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE restores (
        id UUID CONSTRAINT pk_restores PRIMARY KEY,
        request_id VARCHAR(300) NOT NULL CONSTRAINT uq_restores_request_id UNIQUE,
        run_id UUID NOT NULL CONSTRAINT fk_restores_run_id REFERENCES backup_artefacts (run_id),
        config_name VARCHAR(200) NOT NULL,
        target_id BIGINT CONSTRAINT fk_restores_target_id REFERENCES backup_targets (id) ON DELETE SET NULL,
        target_name VARCHAR(200) NOT NULL,
        databases JSONB NOT NULL,
        requested_by VARCHAR(200),
        reason TEXT,
        traceparent VARCHAR(64),
        state VARCHAR(20) NOT NULL DEFAULT 'queued'
          CONSTRAINT ck_restores_state CHECK (state IN ('queued', 'running', 'completed', 'failed', 'cancelled')),
        owner VARCHAR(200),
        epoch BIGINT NOT NULL DEFAULT 0,
        lease_until TIMESTAMPTZ,
        attempt INTEGER NOT NULL DEFAULT 0,
        -- Written before the databases get their names: from then on it can only go forward.
        opening BOOLEAN NOT NULL DEFAULT false,
        cancel_requested_at TIMESTAMPTZ,
        progress JSONB,
        result JSONB,
        warnings JSONB NOT NULL DEFAULT '[]',
        error JSONB,
        queued_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
        started_at TIMESTAMPTZ,
        finished_at TIMESTAMPTZ
      )`);
    await runner.query(
      `CREATE UNIQUE INDEX uq_restores_one_active_per_target ON restores (target_id) WHERE state = 'running'`,
    );
    await runner.query(`CREATE INDEX idx_restores_queued_at ON restores (queued_at DESC, id)`);
    await runner.query(`CREATE INDEX idx_restores_active ON restores (run_id) WHERE state IN ('queued', 'running')`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE restores');
  }
}
