import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What a handled message said: another one under its id is another one. Shared, like the tables themselves. */
export class InboxContent implements MigrationInterface {
  readonly name = 'InboxContent1764300000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table inbox add column content_hash text`);
    await runner.query(
      `comment on column inbox.content_hash is 'SHA-256 of the content; null for messages of before it was kept'`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table inbox drop column content_hash`);
  }
}
