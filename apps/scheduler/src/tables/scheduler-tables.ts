import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Schedules, and what became of each of their slots. */
export class SchedulerTables implements MigrationInterface {
  readonly name = 'SchedulerTables1763600000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table schedule_fires, schedules`);
  }
}

const STATEMENTS = [
  `create table schedules (
    id uuid constraint pk_schedules primary key default gen_random_uuid(),
    name text not null constraint uq_schedules_name unique,
    cron text not null,
    time_zone text not null,
    event text not null,
    request jsonb not null,
    enabled boolean not null,
    misfire text not null constraint ck_schedules_misfire check (misfire in ('latest', 'skip', 'all')),
    catch_up_limit integer not null constraint ck_schedules_catch_up_limit check (catch_up_limit > 0),
    settled_until timestamptz not null,
    next_fire_at timestamptz,
    time_zone_data text not null,
    not_before timestamptz,
    last_error text,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp()
  )`,
  `comment on column schedules.settled_until is 'Every slot up to here has ended; the next one is the first after it'`,
  `comment on column schedules.next_fire_at is 'Empty: it never comes due again'`,
  `comment on column schedules.time_zone_data is 'Version of the time zone data by which next_fire_at was computed'`,
  `comment on column schedules.not_before is 'Set after a failure to fire, so that it does not hold up the others'`,
  `create index idx_schedules_next_fire_at on schedules (next_fire_at)`,

  `create table schedule_fires (
    id bigint generated always as identity constraint pk_schedule_fires primary key,
    schedule_id uuid not null constraint fk_schedule_fires_schedule references schedules (id) on delete cascade,
    scheduled_for timestamptz not null,
    local_time text not null,
    time_zone_data text not null,
    kind text not null constraint ck_schedule_fires_kind check (kind in ('automatic', 'manual')),
    result text not null constraint ck_schedule_fires_result check (result in ('fired', 'coalesced', 'skipped')),
    reason text,
    event_id uuid constraint uq_schedule_fires_event_id unique,
    trace_id text,
    decided_at timestamptz not null default clock_timestamp(),
    constraint ck_schedule_fires_event check ((result = 'fired') = (event_id is not null))
  )`,
  `comment on table schedule_fires is 'What became of each slot: exactly one row a slot'`,
  // The guard that makes a slot fire once, whatever claims and clocks do. A person may fire twice in one instant.
  `create unique index uq_schedule_fires_slot on schedule_fires (schedule_id, scheduled_for) where kind = 'automatic'`,
  `create index idx_schedule_fires_decided_at on schedule_fires (schedule_id, decided_at desc)`,
];
