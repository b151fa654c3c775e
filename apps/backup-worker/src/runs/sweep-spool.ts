import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolders } from '@hozen/dbms';
import { logger } from '@hozen/telemetry';
import type { DataSource } from 'typeorm';
import { removeTree } from '../storage/file/remove-tree.js';
import { ELSEWHERE } from '../verification/scratch-server.js';

const log = logger('spool');
const OWNER = /^([0-9a-f-]{36})[.-](\d+)$/;

/** A folder whose epoch no longer holds its run. Of a run that is not in our database another installation answers. */
const IS_LEFT = `
  SELECT FROM (SELECT id, epoch, state, lease_until FROM backup_runs
               UNION ALL SELECT id, epoch, state, lease_until FROM restores
               UNION ALL SELECT id, epoch, state, lease_until FROM verifications) AS attempt
   WHERE id = $1 AND NOT (epoch = $2 AND state = 'running' AND coalesce(lease_until > clock_timestamp(), false))`;

/**
 * Removes the spool and scratch folders that attempts of dead processes left on this machine. To be called before this
 * process starts attempts of its own.
 */
export async function sweepSpool(database: DataSource, spoolRoot: string): Promise<void> {
  // The scratch server runs as another user when the worker is root, and has to pass through.
  await makeFolders(spoolRoot, 0o711);
  await sweep(database, spoolRoot, '');
  await sweep(database, ELSEWHERE.folder, ELSEWHERE.prefix);
}

async function sweep(database: DataSource, folder: string, prefix: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(prefix)) continue;
    const [, runId, epoch] = OWNER.exec(name.slice(prefix.length)) ?? [];
    if (runId === undefined || epoch === undefined) continue;
    const left = await database.query<unknown[]>(IS_LEFT, [runId, epoch]);
    if (left.length === 0) continue;
    log.info({ folder: name }, 'removing what a dead attempt left');
    await removeTree(join(folder, name));
  }
}
