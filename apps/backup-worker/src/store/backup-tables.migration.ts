import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Targets and configs (TBL-040), runs, and what is beside them. The seeds' own tables have migrations of their own. */
export class BackupTables1763600000100 implements MigrationInterface {
  name = 'BackupTables1763600000100';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE backup_targets (
        id BIGINT GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_backup_targets PRIMARY KEY,
        target_name VARCHAR(200) NOT NULL CONSTRAINT uq_backup_targets_target_name UNIQUE,
        spec JSONB NOT NULL,
        created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
        updated_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP
      )`);
    await runner.query(`
      CREATE TABLE backup_configs (
        id BIGINT GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_backup_configs PRIMARY KEY,
        config_name VARCHAR(200) NOT NULL CONSTRAINT uq_backup_configs_config_name UNIQUE,
        target_id BIGINT NOT NULL CONSTRAINT fk_backup_configs_target_id REFERENCES backup_targets (id),
        spec JSONB NOT NULL,
        method VARCHAR(50) NOT NULL GENERATED ALWAYS AS (spec ->> 'method') STORED,
        backup_level VARCHAR(20) NOT NULL GENERATED ALWAYS AS (spec ->> 'level') STORED,
        storage_path VARCHAR(1000) NOT NULL GENERATED ALWAYS AS (spec -> 'storage' ->> 'path') STORED,
        retention_days INTEGER NOT NULL GENERATED ALWAYS AS ((spec ->> 'retentionDays')::integer) STORED,
        retention_count INTEGER GENERATED ALWAYS AS ((spec ->> 'retentionCount')::integer) STORED,
        created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
        updated_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP
      )`);
    await runner.query(`
      CREATE TABLE backup_runs (
        id UUID CONSTRAINT pk_backup_runs PRIMARY KEY,
        request_id VARCHAR(300) NOT NULL CONSTRAINT uq_backup_runs_request_id UNIQUE,
        config_id BIGINT CONSTRAINT fk_backup_runs_config_id REFERENCES backup_configs (id) ON DELETE SET NULL,
        target_id BIGINT CONSTRAINT fk_backup_runs_target_id REFERENCES backup_targets (id) ON DELETE SET NULL,
        record_id BIGINT,
        config_name VARCHAR(200) NOT NULL,
        target_name VARCHAR(200) NOT NULL,
        backup_level VARCHAR(20) NOT NULL,
        backup_trigger VARCHAR(20) NOT NULL,
        options JSONB NOT NULL,
        requested_by VARCHAR(200),
        reason TEXT,
        traceparent VARCHAR(64),
        state VARCHAR(20) NOT NULL DEFAULT 'queued'
          CONSTRAINT ck_backup_runs_state CHECK (state IN ('queued', 'running', 'completed', 'failed', 'cancelled')),
        owner VARCHAR(200),
        epoch BIGINT NOT NULL DEFAULT 0,
        lease_until TIMESTAMPTZ,
        not_before TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
        attempt INTEGER NOT NULL DEFAULT 0,
        takeovers INTEGER NOT NULL DEFAULT 0,
        retries_used JSONB NOT NULL DEFAULT '{}',
        cancel_requested_at TIMESTAMPTZ,
        progress JSONB,
        bytes_per_second DOUBLE PRECISION,
        warnings JSONB NOT NULL DEFAULT '[]',
        error JSONB,
        queued_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
        started_at TIMESTAMPTZ,
        finished_at TIMESTAMPTZ
      )`);
    // The lock of BATCH-101 §3.2: the database itself refuses a second active run of a target.
    await runner.query(
      `CREATE UNIQUE INDEX uq_backup_runs_one_active_per_target ON backup_runs (target_id) WHERE state = 'running'`,
    );
    await runner.query(
      `CREATE INDEX idx_backup_runs_claimable ON backup_runs (not_before) WHERE state IN ('queued', 'running')`,
    );
    // For the claim's look at the config's last start, and for the list of configs with their last runs.
    await runner.query(`CREATE INDEX idx_backup_runs_config_started ON backup_runs (config_id, started_at)`);
    await runner.query(`CREATE INDEX idx_backup_runs_config_queued ON backup_runs (config_id, queued_at)`);
    await runner.query(`CREATE INDEX idx_backup_runs_queued_at ON backup_runs (queued_at DESC, id)`);
    await runner.query(`
      CREATE TABLE backup_artefacts (
        id BIGINT GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_backup_artefacts PRIMARY KEY,
        run_id UUID NOT NULL CONSTRAINT uq_backup_artefacts_run_id UNIQUE
          CONSTRAINT fk_backup_artefacts_run_id REFERENCES backup_runs (id),
        file_path VARCHAR(1000) NOT NULL CONSTRAINT uq_backup_artefacts_file_path UNIQUE,
        checksum_path VARCHAR(1100) NOT NULL,
        manifest_path VARCHAR(1100) NOT NULL,
        file_size BIGINT NOT NULL CONSTRAINT ck_backup_artefacts_file_size CHECK (file_size >= 0),
        original_size BIGINT NOT NULL CONSTRAINT ck_backup_artefacts_original_size CHECK (original_size >= 0),
        sha256 CHAR(64) NOT NULL,
        proof JSONB NOT NULL,
        proven_at TIMESTAMPTZ NOT NULL,
        created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP
      )`);
    await runner.query(`
      CREATE TABLE backup_history (
        id BIGINT GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_backup_history PRIMARY KEY,
        run_id UUID NOT NULL CONSTRAINT uq_backup_history_run_id UNIQUE
          CONSTRAINT fk_backup_history_run_id REFERENCES backup_runs (id),
        config_name VARCHAR(200) NOT NULL,
        target_name VARCHAR(200) NOT NULL,
        backup_level VARCHAR(20) NOT NULL,
        backup_type VARCHAR(20) NOT NULL,
        result VARCHAR(20) NOT NULL
          CONSTRAINT ck_backup_history_result CHECK (result IN ('completed', 'failed', 'cancelled')),
        attempts INTEGER NOT NULL,
        started_at TIMESTAMPTZ,
        finished_at TIMESTAMPTZ NOT NULL,
        file_path VARCHAR(1000),
        file_size BIGINT,
        original_size BIGINT,
        sha256 CHAR(64),
        keep_until TIMESTAMPTZ,
        error_code VARCHAR(100),
        error_message TEXT,
        trace_id CHAR(32),
        created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP
      )`);
    await runner.query(`CREATE INDEX idx_backup_history_finished_at ON backup_history (finished_at)`);
    await runner.query(`CREATE INDEX idx_backup_history_config_name ON backup_history (config_name, finished_at)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['backup_history', 'backup_artefacts', 'backup_runs', 'backup_configs', 'backup_targets']) {
      await runner.query(`DROP TABLE ${table}`);
    }
  }
}
