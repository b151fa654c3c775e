import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { BackupJob } from '../job.js';
import type { RunRow } from '../store/entities.js';
import type { RunPlan } from './load-plan.js';

/** What the engine works on: the config with the request's overrides, and a folder of its own for scratch data. */
export function jobOf(run: RunRow, plan: RunPlan, startedAt: Date, spoolRoot: string): BackupJob {
  return {
    runId: run.id,
    epoch: Number(run.epoch),
    attempt: run.attempt,
    startedAt,
    target: plan.target,
    servers: plan.servers,
    config: plan.config,
    level: run.backup_level,
    ...(run.options.synthetic ? { synthetic: true } : {}),
    trigger: run.backup_trigger,
    compress: run.options.compress ?? plan.config.compression !== 'none',
    proof: run.options.verify === false ? 'checksum' : plan.config.proof,
    spoolDir: join(spoolRoot, `${run.id}.${run.epoch}`),
  };
}

/** The scratch server runs as another user when the worker is root, and has to pass through: no more than that. */
export async function makeSpool(job: BackupJob): Promise<void> {
  await mkdir(job.spoolDir, { recursive: true, mode: 0o711 });
}
