import { newEvent, type StorageSpec } from '@hozen/contracts';
import type { Outbox } from '@hozen/messaging';
import { failpoint, inSpan } from '@hozen/telemetry';
import type { DataSource } from 'typeorm';
import { removeCopy, type DueRemoval } from '../copies/remove-copy.js';
import { SOURCE } from '../runs/facts.js';
import { removeArtefact } from '../storage/remove-artefact.js';

/** An artefact that is to go. */
export interface DueDeletion {
  run_id: string;
  file_path: string;
  storage: StorageSpec | null;
  copy: DueRemoval | null;
  file_size: string;
  config_name: string;
  target_name: string;
  backup_level: string;
  record_id: string | null;
  reasons: { kind: string }[];
  attempts: number;
}

/** Seconds until the next try, doubled each time up to an hour. */
const FIRST_PAUSE_SECONDS = 30;

/** Takes the next one for a while; whoever dies with it leaves it to the next. */
const CLAIM_DELETION = `
  UPDATE artefact_deletions AS deletion
     SET attempts = deletion.attempts + 1,
         not_before = clock_timestamp()
           + make_interval(secs => least(3600, ${FIRST_PAUSE_SECONDS} * 2 ^ least(deletion.attempts, 10)))
    FROM backup_artefacts AS artefact JOIN backup_runs AS run ON run.id = artefact.run_id
   WHERE artefact.run_id = deletion.run_id
     AND deletion.run_id = (
       SELECT due.run_id FROM artefact_deletions AS due
        WHERE due.deleted_at IS NULL AND due.not_before <= clock_timestamp()
          -- A copy that is just being made would appear behind us; no new one is begun.
          AND NOT EXISTS (SELECT FROM backup_copies AS copy
                           WHERE copy.run_id = due.run_id AND copy.state = 'copying'
                             AND copy.lease_until > clock_timestamp())
        ORDER BY due.not_before, due.run_id
        LIMIT 1
          FOR UPDATE SKIP LOCKED)
  RETURNING deletion.run_id, deletion.reasons, deletion.attempts, artefact.file_path, artefact.file_size,
            run.config_name, run.target_name, run.backup_level, run.record_id,
            (SELECT spec -> 'storage' FROM backup_configs WHERE id = run.config_id) AS storage,
            (SELECT jsonb_build_object('path', copy.file_path, 'storage', copy.storage, 'trigger', run.backup_trigger,
                                       'now', (SELECT spec -> 'secondaryStorage' FROM backup_configs
                                                WHERE id = run.config_id))
               FROM backup_copies AS copy
              WHERE copy.run_id = deletion.run_id AND copy.state <> 'deleted') AS copy`;

const MARK_DELETED = `
  UPDATE artefact_deletions SET deleted_at = clock_timestamp(), last_error = NULL
   WHERE run_id = $1 AND deleted_at IS NULL RETURNING run_id`;

const NOTE_FAILURE = `UPDATE artefact_deletions SET last_error = $2 WHERE run_id = $1 AND deleted_at IS NULL`;

const DROP_COPY = `UPDATE backup_copies SET state = 'deleted' WHERE run_id = $1`;

/** The record goes with its file (its table prescribes so); what happened stays in the history. */
const DROP_RECORD = `DELETE FROM backup_records WHERE id = $1`;

export async function claimDeletion(database: DataSource): Promise<DueDeletion | undefined> {
  const [rows] = await database.query<[DueDeletion[], number]>(CLAIM_DELETION);
  return rows[0];
}

/**
 * Removes one artefact: first its files, the manifest before the rest, then its record, with `backup.deleted`. Dying in
 * between leaves it to be tried again: what is gone already is no failure.
 * @throws HozenError of the storage, noted and tried again later
 */
export async function deleteArtefact(outbox: Outbox, database: DataSource, due: DueDeletion): Promise<void> {
  const attributes = { 'hozen.run_id': due.run_id, 'file.path': due.file_path };
  await inSpan('delete artefact', { attributes }, async () => {
    try {
      await removeArtefact(due.file_path, due.storage);
      if (due.copy) await removeCopy(due.run_id, due.copy);
    } catch (error) {
      await database.query(NOTE_FAILURE, [due.run_id, error instanceof Error ? error.message : String(error)]);
      throw error;
    }
    await failpoint('retention.files-removed');
    await outbox.transaction(async (tx) => {
      const [marked] = await tx.manager.query<[unknown[], number]>(MARK_DELETED, [due.run_id]);
      if (marked.length === 0) return;
      await tx.manager.query(DROP_COPY, [due.run_id]);
      await tx.manager.query(DROP_RECORD, [due.record_id]);
      await tx.publish(
        newEvent(
          'backup.deleted',
          {
            runId: due.run_id,
            config: due.config_name,
            target: due.target_name,
            path: due.file_path,
            bytes: Number(due.file_size),
            reasons: due.reasons.map(({ kind }) => kind),
          },
          { source: SOURCE, subject: due.run_id },
        ),
        { once: `deleted:${due.run_id}` },
      );
    });
  });
}
