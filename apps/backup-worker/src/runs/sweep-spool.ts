import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { logger } from '@hozen/telemetry';
import type { DataSource } from 'typeorm';

const log = logger('spool');
const SPOOL_NAME = /^([0-9a-f-]{36})\.(\d+)$/;

const IS_ACTIVE = `
  SELECT FROM backup_runs
   WHERE id = $1 AND epoch = $2 AND state = 'running' AND lease_until > clock_timestamp()`;

/**
 * Removes the spool folders that attempts of dead processes left on this machine: every folder whose epoch no longer
 * holds its run. To be called before this process starts attempts of its own.
 */
export async function sweepSpool(database: DataSource, spoolRoot: string): Promise<void> {
  // The scratch server runs as another user when the worker is root, and has to pass through.
  await mkdir(spoolRoot, { recursive: true, mode: 0o711 });
  for (const name of await readdir(spoolRoot)) {
    const [, runId, epoch] = SPOOL_NAME.exec(name) ?? [];
    if (runId === undefined || epoch === undefined) continue;
    const active = await database.query<unknown[]>(IS_ACTIVE, [runId, epoch]);
    if (active.length > 0) continue;
    log.info({ folder: name }, 'removing what a dead attempt left');
    await rm(join(spoolRoot, name), { recursive: true, force: true });
  }
}
