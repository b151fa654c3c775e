import type { DataSource } from 'typeorm';

/** The end of the newest copy or log of the same server; of a dump the moment at which it was begun. */
const AGE = `
  SELECT extract(epoch FROM clock_timestamp() - coalesce(max(newest.up_to), run.started_at))::float AS seconds
    FROM backup_runs AS run
    LEFT JOIN recovery_ranges AS own ON own.run_id = run.id
    LEFT JOIN (recovery_ranges AS newest JOIN backup_artefacts AS artefact ON artefact.run_id = newest.run_id
                 AND artefact.bad_since IS NULL
                 AND NOT EXISTS (SELECT FROM artefact_deletions AS gone WHERE gone.run_id = artefact.run_id))
      ON newest.system_identifier = own.system_identifier
   WHERE run.id = $1
   GROUP BY run.id`;

/** How old the newest state is that can be restored from the backup and what goes on from it, in seconds. */
export async function recoveryPointAge(database: DataSource, runId: string): Promise<number | undefined> {
  const [row] = await database.query<{ seconds: number | null }[]>(AGE, [runId]);
  return row?.seconds == null ? undefined : Math.max(0, row.seconds);
}
