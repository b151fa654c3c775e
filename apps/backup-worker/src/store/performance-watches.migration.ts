import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How servers perform, so that it is known what is normal, and whether a restored one is as it was. */
export class PerformanceWatches1764440000000 implements MigrationInterface {
  name = 'PerformanceWatches1764440000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE performance_schedules (
        target_id BIGINT CONSTRAINT pk_performance_schedules PRIMARY KEY
          CONSTRAINT fk_performance_schedules_target_id REFERENCES backup_targets (id) ON DELETE CASCADE,
        next_at TIMESTAMPTZ NOT NULL
      )`);
    await runner.query(`
      CREATE TABLE performance_samples (
        target_id BIGINT NOT NULL
          CONSTRAINT fk_performance_samples_target_id REFERENCES backup_targets (id) ON DELETE CASCADE,
        sampled_at TIMESTAMPTZ NOT NULL,
        -- As the server counted until then, and what that means since the look before.
        counters JSONB NOT NULL,
        measures JSONB NOT NULL,
        CONSTRAINT pk_performance_samples PRIMARY KEY (target_id, sampled_at)
      )`);
    await runner.query(`
      CREATE TABLE performance_watches (
        restore_id UUID CONSTRAINT pk_performance_watches PRIMARY KEY
          CONSTRAINT fk_performance_watches_restore_id REFERENCES restores (id) ON DELETE CASCADE,
        target_id BIGINT NOT NULL,
        normal JSONB NOT NULL,
        threshold_percent DOUBLE PRECISION NOT NULL,
        hours INTEGER NOT NULL,
        state VARCHAR(10) NOT NULL DEFAULT 'recorded'
          CONSTRAINT ck_performance_watches_state CHECK (state IN ('recorded', 'watching', 'ended')),
        begins_at TIMESTAMPTZ,
        ends_at TIMESTAMPTZ,
        outside JSONB NOT NULL DEFAULT '[]',
        deviated BOOLEAN NOT NULL DEFAULT false,
        verdict VARCHAR(10) CONSTRAINT ck_performance_watches_verdict CHECK (verdict IN ('well', 'deviated', 'unknown'))
      )`);
    await runner.query(
      `CREATE INDEX idx_performance_watches_watching ON performance_watches (target_id) WHERE state = 'watching'`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['watches', 'samples', 'schedules']) await runner.query(`DROP TABLE performance_${table}`);
  }
}
