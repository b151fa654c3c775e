import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { ConfigSpec, TargetSpec } from '@hozen/contracts';
import type { BackupJob } from './job.js';

/** A job for tests: stores under `folder`. */
export function aJob(folder: string, change: Partial<BackupJob> & { configName?: string } = {}): BackupJob {
  const { configName = 'nightly', ...rest } = change;
  const target = Object.assign(new TargetSpec(), { name: 'shop', kind: 'postgres', host: '127.0.0.1' });
  const config = Object.assign(new ConfigSpec(), {
    name: configName,
    target: 'shop',
    storage: { kind: 'file', path: join(folder, 'storage') },
  });
  return {
    runId: randomUUID(),
    epoch: 1,
    attempt: 1,
    startedAt: new Date('2026-01-02T03:04:05Z'),
    target,
    config,
    level: 'full',
    trigger: 'manual',
    compress: true,
    proof: 'restore',
    spoolDir: join(folder, 'spool'),
    ...rest,
  };
}
