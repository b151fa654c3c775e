import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Artefacts that were found in storage are proven when somebody has read them, and not before. */
export class UnprovenArtefacts1764460000000 implements MigrationInterface {
  name = 'UnprovenArtefacts1764460000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'ALTER TABLE backup_artefacts ALTER COLUMN proof DROP NOT NULL, ALTER COLUMN proven_at DROP NOT NULL',
    );
    await runner.query(`
      UPDATE backup_artefacts AS artefact SET proof = NULL, proven_at = NULL
        FROM backup_runs AS run
       WHERE run.id = artefact.run_id AND run.request_id = 'adopted:' || run.id
         AND NOT EXISTS (SELECT FROM verifications AS verification
                          WHERE verification.run_id = run.id AND verification.state = 'completed')`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      UPDATE backup_artefacts
         SET proof = '{"level":"checksum","databases":0,"tables":0,"seconds":0}', proven_at = created_at
       WHERE proof IS NULL`);
    await runner.query(
      'ALTER TABLE backup_artefacts ALTER COLUMN proof SET NOT NULL, ALTER COLUMN proven_at SET NOT NULL',
    );
  }
}
