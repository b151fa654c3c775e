import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Whom to tell what, and the ledger of who was told. */
export class NotifierTables implements MigrationInterface {
  readonly name = 'NotifierTables1763600000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table deliveries, notification, notification_rules, recipients`);
  }
}

const STATEMENTS = [
  `create table recipients (
    name text constraint pk_recipients primary key,
    language text not null,
    email text,
    slack_channel text,
    slack_webhook text,
    updated_at timestamptz not null default clock_timestamp()
  )`,
  `comment on column recipients.slack_webhook is 'A reference to the secret (env:NAME or file:/path), never the address itself'`,

  `create table notification_rules (
    position integer constraint pk_notification_rules primary key,
    events text[] not null,
    recipients text[] not null,
    channels text[]
  )`,
  `comment on column notification_rules.channels is 'Empty: every channel the recipient has'`,

  `create table notification (
    id uuid constraint pk_notification primary key default gen_random_uuid(),
    event_id text not null constraint uq_notification_event_id unique,
    event_type text not null,
    severity text not null constraint ck_notification_severity check (severity in ('info', 'warning', 'critical')),
    subject text not null,
    run_id uuid,
    trace_id text,
    traceparent text,
    facts jsonb not null,
    occurred_at timestamptz not null,
    created_at timestamptz not null default clock_timestamp()
  )`,
  `comment on table notification is 'What there was to tell: one row an event'`,
  `comment on column notification.facts is 'Data of the event; the texts are made of it in the language of each recipient'`,
  `create index idx_notification_run_id on notification (run_id)`,

  `create table deliveries (
    id uuid constraint pk_deliveries primary key default gen_random_uuid(),
    notification_id uuid not null constraint fk_deliveries_notification references notification (id) on delete cascade,
    event_id text not null,
    channel text not null constraint ck_deliveries_channel check (channel in ('email', 'slack')),
    recipient text not null,
    language text not null,
    address text not null,
    state text not null default 'planned'
      constraint ck_deliveries_state check (state in ('planned', 'sending', 'sent', 'failed')),
    attempts integer not null default 0,
    rate_limited integer not null default 0,
    next_at timestamptz not null default now(),
    lease_until timestamptz,
    epoch bigint,
    uncertain boolean not null default false,
    provider_id text,
    error text,
    sent_at timestamptz,
    created_at timestamptz not null default clock_timestamp(),
    constraint uq_deliveries_once unique (event_id, channel, recipient),
    constraint ck_deliveries_lease check ((state = 'sending') = (lease_until is not null))
  )`,
  `comment on table deliveries is 'The ledger: one row for each person, channel and event'`,
  `comment on column deliveries.address is 'Mail address, Slack channel, or a reference to the secret that holds the address'`,
  `comment on column deliveries.rate_limited is 'Attempts that the provider put off; they do not count against the limit of attempts'`,
  `comment on column deliveries.uncertain is 'An attempt ended without an answer: the notice may have arrived more than once'`,
  `create index idx_deliveries_open on deliveries (channel, next_at) where state in ('planned', 'sending')`,
  `create index idx_deliveries_notification_id on deliveries (notification_id)`,
  `create index idx_deliveries_created_at on deliveries (created_at desc)`,
];
