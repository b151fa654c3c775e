import type { MigrationInterface, QueryRunner } from 'typeorm';
import { DeadLetterAge } from './dead-letter-age.js';
import { InboxContent } from './inbox-content.js';

/** The tables that every service has in its own schema; the first migration of each. */
export class SharedTables implements MigrationInterface {
  /** The number is TypeORM's order: it runs before every migration of a service. */
  readonly name = 'SharedTables1760000000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table outbox, inbox, dead_letters, broker_positions`);
    await runner.query(`drop sequence fence_epoch`);
  }
}

const STATEMENTS = [
  `create table outbox (
    id uuid constraint pk_outbox primary key,
    position bigserial not null,
    subject text not null,
    body jsonb not null,
    traceparent text,
    once_key text constraint uq_outbox_once_key unique,
    created_at timestamptz not null default clock_timestamp(),
    not_before timestamptz,
    sent_at timestamptz,
    stream text,
    stream_sequence bigint,
    republished integer not null default 0,
    attempts integer not null default 0,
    last_error text
  )`,
  `comment on table outbox is 'Events to be published, written with the state they tell of. Sent rows are kept for publishing again after a loss of the broker.'`,
  `comment on column outbox.body is 'The whole envelope as it goes on the wire'`,
  `comment on column outbox.once_key is 'A second event with the same key is not written'`,
  `comment on column outbox.republished is 'How often it was published again after a loss; part of the message id of the broker, which would take it for a repetition'`,
  `create index idx_outbox_unsent on outbox (position) where sent_at is null`,
  `create index idx_outbox_sent on outbox (stream, sent_at) where sent_at is not null`,

  `create table inbox (
    consumer text not null,
    message_id text not null,
    handled_at timestamptz not null default clock_timestamp(),
    constraint pk_inbox primary key (consumer, message_id)
  )`,
  `comment on table inbox is 'Messages whose effects are committed; the row is written with the effects'`,
  `create index idx_inbox_handled_at on inbox (handled_at)`,

  `create table dead_letters (
    id uuid constraint pk_dead_letters primary key,
    subject text not null,
    message_id text not null,
    body text not null,
    headers jsonb not null,
    reasons jsonb not null,
    deliveries integer not null,
    created_at timestamptz not null default clock_timestamp()
  )`,
  `comment on table dead_letters is 'Messages that could not be accepted, with every reason; kept until a person removes them'`,

  `create table broker_positions (
    stream text constraint pk_broker_positions primary key,
    broker_created_at timestamptz,
    last_sequence bigint not null default 0,
    checked_at timestamptz not null default clock_timestamp()
  )`,
  `comment on table broker_positions is 'What each stream looked like when last seen; a younger or shorter stream has lost messages'`,

  `create sequence fence_epoch`,
  `comment on sequence fence_epoch is 'Fencing numbers: a higher one has taken over from every lower one'`,
];

/** What the migrations of every service begin with. */
export const SHARED_TABLES: readonly (new () => MigrationInterface)[] = [SharedTables, InboxContent, DeadLetterAge];
