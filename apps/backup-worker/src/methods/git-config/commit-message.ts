import { hostname } from 'node:os';
import type { BackupJob } from '../../job.js';
import type { Snapshot } from './take-snapshot.js';

/** What the commit of a run says. The trailer is how a later attempt knows it again. */
export function commitMessage(job: BackupJob, { stored, masked }: Snapshot): string {
  const { runId, target, config, startedAt, trigger } = job;
  return `Configuration of ${target.name}

${stored.length} files of ${hostname()}, as of ${startedAt.toISOString()}. ${masked.places} secrets are masked.

Hozen-Run: ${runId}
Hozen-Config: ${config.name}
Hozen-Trigger: ${trigger}
`;
}
