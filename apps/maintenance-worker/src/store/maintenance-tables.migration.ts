import type { MigrationInterface, QueryRunner } from 'typeorm';
import { commentOn } from './japanese-comments.js';

/** Targets, settings (TBL-098), runs and their steps, diagnoses (TBL-097) and the history (TBL-096). */
export class MaintenanceTables1763600000100 implements MigrationInterface {
  name = 'MaintenanceTables1763600000100';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...TABLES, ...INDEXES, ...commentOn()]) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE db_maintenance_history, db_status, maintenance_steps, maintenance_runs, maintenance_settings,
        maintenance_targets`);
  }
}

const TABLES = [
  `CREATE TABLE maintenance_targets (
    id BIGINT GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_maintenance_targets PRIMARY KEY,
    target_name VARCHAR(200) NOT NULL CONSTRAINT uq_maintenance_targets_target_name UNIQUE,
    spec JSONB NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP
  )`,
  `CREATE TABLE maintenance_settings (
    id BIGINT GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_maintenance_settings PRIMARY KEY,
    target_id BIGINT NOT NULL CONSTRAINT uq_maintenance_settings_target_id UNIQUE
      CONSTRAINT fk_maintenance_settings_target_id REFERENCES maintenance_targets (id) ON DELETE CASCADE,
    backup_config VARCHAR(200),
    timeout_minutes INTEGER NOT NULL DEFAULT 180
      CONSTRAINT ck_maintenance_settings_timeout_minutes CHECK (timeout_minutes > 0),
    backup_wait_minutes INTEGER NOT NULL DEFAULT 150
      CONSTRAINT ck_maintenance_settings_backup_wait_minutes CHECK (backup_wait_minutes > 0),
    lock_wait_seconds INTEGER NOT NULL DEFAULT 60
      CONSTRAINT ck_maintenance_settings_lock_wait_seconds CHECK (lock_wait_seconds > 0),
    retries JSONB NOT NULL DEFAULT '{}',
    thresholds JSONB NOT NULL DEFAULT '{}',
    created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP
  )`,
  `CREATE TABLE maintenance_runs (
    id UUID CONSTRAINT pk_maintenance_runs PRIMARY KEY,
    request_id VARCHAR(300) NOT NULL CONSTRAINT uq_maintenance_runs_request_id UNIQUE,
    target_id BIGINT CONSTRAINT fk_maintenance_runs_target_id REFERENCES maintenance_targets (id) ON DELETE SET NULL,
    target_name VARCHAR(200) NOT NULL,
    maintenance_type VARCHAR(20) NOT NULL,
    target_databases JSONB NOT NULL,
    severity_level VARCHAR(20) NOT NULL,
    requested_by VARCHAR(200),
    reason TEXT,
    traceparent VARCHAR(64),
    state VARCHAR(20) NOT NULL DEFAULT 'accepted'
      CONSTRAINT ck_maintenance_runs_state CHECK (state IN
        ('accepted', 'diagnosing', 'backing_up', 'optimizing', 'completed', 'failed', 'cancelled')),
    owner VARCHAR(200),
    epoch BIGINT NOT NULL DEFAULT 0,
    lease_until TIMESTAMPTZ,
    not_before TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    deadline TIMESTAMPTZ,
    takeovers INTEGER NOT NULL DEFAULT 0,
    retries_used JSONB NOT NULL DEFAULT '{}',
    cancel_requested_at TIMESTAMPTZ,
    backup_config VARCHAR(200) NOT NULL,
    backup_request_id VARCHAR(36) NOT NULL CONSTRAINT uq_maintenance_runs_backup_request_id UNIQUE,
    backup_requested_at TIMESTAMPTZ,
    backup_deadline TIMESTAMPTZ,
    backup_outcome VARCHAR(20)
      CONSTRAINT ck_maintenance_runs_backup_outcome CHECK (backup_outcome IN ('completed', 'failed', 'rejected')),
    backup_run_id VARCHAR(300),
    backup_fault TEXT,
    error JSONB,
    accepted_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    started_at TIMESTAMPTZ,
    finished_at TIMESTAMPTZ
  )`,
  `CREATE TABLE maintenance_steps (
    run_id UUID NOT NULL CONSTRAINT fk_maintenance_steps_run_id REFERENCES maintenance_runs (id) ON DELETE CASCADE,
    step INTEGER NOT NULL,
    kind VARCHAR(20) NOT NULL,
    database_name VARCHAR(63) NOT NULL,
    schema_name VARCHAR(63) NOT NULL,
    object_name VARCHAR(63) NOT NULL,
    reason TEXT NOT NULL,
    statement TEXT NOT NULL,
    state VARCHAR(20) NOT NULL DEFAULT 'planned'
      CONSTRAINT ck_maintenance_steps_state CHECK (state IN ('planned', 'running', 'done', 'failed', 'skipped')),
    epoch BIGINT,
    marks JSONB,
    outcome TEXT,
    started_at TIMESTAMPTZ,
    finished_at TIMESTAMPTZ,
    CONSTRAINT pk_maintenance_steps PRIMARY KEY (run_id, step)
  )`,
  `CREATE TABLE db_status (
    id BIGINT GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_db_status PRIMARY KEY,
    run_id UUID NOT NULL CONSTRAINT fk_db_status_run_id REFERENCES maintenance_runs (id) ON DELETE CASCADE,
    target_name VARCHAR(200) NOT NULL,
    moment VARCHAR(10) NOT NULL CONSTRAINT ck_db_status_moment CHECK (moment IN ('before', 'after')),
    taken_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    verdict VARCHAR(20) NOT NULL
      CONSTRAINT ck_db_status_verdict CHECK (verdict IN ('healthy', 'attention', 'critical')),
    status JSONB NOT NULL,
    CONSTRAINT uq_db_status_run_moment UNIQUE (run_id, moment)
  )`,
  `CREATE TABLE db_maintenance_history (
    id BIGINT GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_db_maintenance_history PRIMARY KEY,
    run_id UUID NOT NULL CONSTRAINT uq_db_maintenance_history_run_id UNIQUE
      CONSTRAINT fk_db_maintenance_history_run_id REFERENCES maintenance_runs (id),
    target_name VARCHAR(200) NOT NULL,
    maintenance_type VARCHAR(20) NOT NULL,
    target_databases JSONB NOT NULL,
    severity_level VARCHAR(20) NOT NULL,
    result VARCHAR(20) NOT NULL
      CONSTRAINT ck_db_maintenance_history_result CHECK (result IN ('completed', 'failed', 'cancelled')),
    started_at TIMESTAMPTZ,
    finished_at TIMESTAMPTZ NOT NULL,
    backup_run_id VARCHAR(300),
    verdict_before VARCHAR(20),
    verdict_after VARCHAR(20),
    steps_planned INTEGER NOT NULL,
    steps_done INTEGER NOT NULL,
    tables_vacuumed INTEGER NOT NULL,
    indexes_rebuilt INTEGER NOT NULL,
    error_code VARCHAR(100),
    error_message TEXT,
    requested_by VARCHAR(200),
    trace_id CHAR(32),
    created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP
  )`,
];

const INDEXES = [
  // MT-6: the database itself refuses a second active run of a target, whatever two workers decide at once.
  `CREATE UNIQUE INDEX uq_maintenance_runs_one_active_per_target ON maintenance_runs (target_id)
    WHERE state IN ('diagnosing', 'backing_up', 'optimizing')`,
  `CREATE INDEX idx_maintenance_runs_open ON maintenance_runs (not_before)
    WHERE state IN ('accepted', 'diagnosing', 'backing_up', 'optimizing')`,
  `CREATE INDEX idx_maintenance_runs_accepted_at ON maintenance_runs (accepted_at DESC, id)`,
  `CREATE INDEX idx_maintenance_steps_marked ON maintenance_steps (run_id) WHERE marks IS NOT NULL`,
  `CREATE INDEX idx_db_status_target ON db_status (target_name, taken_at DESC)`,
  `CREATE INDEX idx_db_maintenance_history_finished_at ON db_maintenance_history (finished_at)`,
];
