import type { BackupJob } from '../../job.js';

/** Of the temporary slot that holds WAL back for one attempt: letters, digits and underscores are all that is allowed. */
export function slotName({ runId, epoch }: Pick<BackupJob, 'runId' | 'epoch'>): string {
  return `hozen_${runId.replaceAll('-', '_')}_${epoch}`;
}
