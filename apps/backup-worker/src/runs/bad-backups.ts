import type { BadBackupView } from '@hozen/contracts';

/** Runs whose artefact a verification found to be bad, and all that build on one: SQL for `IN`. */
export const BAD_RUNS = `(
  WITH RECURSIVE bad AS (
    SELECT part.run_id AS id FROM backup_artefacts AS part WHERE part.bad_since IS NOT NULL
    UNION
    SELECT child.id FROM backup_runs AS child JOIN bad ON child.parent_run_id = bad.id
  )
  SELECT bad.id FROM bad)`;

/** As `badPartOf` gives it. */
export interface BadPart {
  runId: string;
  since: string;
  verification: string | null;
}

/**
 * What is bad of a run's artefact: itself, or else what it builds on. SQL for a value; NULL where nothing is.
 * @param run the column with the run's id
 */
export function badPartOf(run: string): string {
  return `(
  WITH RECURSIVE chain AS (
    SELECT link.id, link.parent_run_id FROM backup_runs AS link WHERE link.id = ${run}
    UNION
    SELECT link.id, link.parent_run_id FROM backup_runs AS link JOIN chain ON chain.parent_run_id = link.id
  )
  SELECT jsonb_build_object(
           'runId', part.run_id, 'since', part.bad_since,
           -- It ended just before it left its mark.
           'verification', (SELECT verification.id FROM verifications AS verification
                             WHERE verification.run_id = part.run_id AND verification.verdict = 'bad'
                               AND verification.finished_at <= part.bad_since
                             ORDER BY verification.finished_at DESC LIMIT 1))
    FROM chain JOIN backup_artefacts AS part ON part.run_id = chain.id
   WHERE part.bad_since IS NOT NULL
   ORDER BY part.run_id = ${run} DESC, part.bad_since
   LIMIT 1)`;
}

export function badView(runId: string, { runId: part, since, verification }: BadPart): BadBackupView {
  return {
    since: new Date(since).toISOString(),
    ...(verification === null ? {} : { verification }),
    ...(part === runId ? {} : { buildsOn: part }),
  };
}
