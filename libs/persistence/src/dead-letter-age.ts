import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Dead letters go after a while, and are found by their age. */
export class DeadLetterAge implements MigrationInterface {
  readonly name = 'DeadLetterAge1764330000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`create index idx_dead_letters_created_at on dead_letters (created_at)`);
    await runner.query(
      `comment on table dead_letters is 'Messages that could not be accepted, with every reason; kept for 180 days'`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop index idx_dead_letters_created_at`);
  }
}
