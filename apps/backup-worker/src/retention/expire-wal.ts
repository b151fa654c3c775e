import type { ConfigSpec } from '@hozen/contracts';
import { parseLsn } from '@hozen/dbms';
import { logger } from '@hozen/telemetry';
import type { DataSource } from 'typeorm';
import { WalArchive } from '../wal-archive/wal-archive.js';
import { keyOf, numberOf } from '../wal-archive/wal-name.js';

const log = logger('retention');

/**
 * Configs with a WAL archive, and where the oldest copy of their server's files begins that stands, of each cluster that the
 * target has been. A copy that nobody knows of yet is younger: it began after them.
 */
const NEEDED = `
  SELECT config.config_name AS name, config.spec, copy.system_identifier AS system, min(copy.start_lsn)::text AS "from"
    FROM backup_configs AS config
    JOIN backup_runs AS run ON run.target_id = config.target_id
    JOIN recovery_ranges AS copy ON copy.run_id = run.id AND copy.kind = 'copy'
   WHERE config.spec ? 'walArchive'
     AND NOT EXISTS (SELECT FROM artefact_deletions AS deletion WHERE deletion.run_id = run.id)
   GROUP BY config.id, copy.system_identifier`;

interface Needed {
  name: string;
  spec: ConfigSpec;
  system: string;
  from: string;
}

/**
 * Removes archived WAL that no copy of the server's files needs any more. Without a copy nothing is removed: somebody may
 * have one that we do not know of. Archives that cannot be reached are tried again later.
 * @returns how many files went
 */
export async function expireWal(database: DataSource): Promise<number> {
  let removed = 0;
  for (const { name, spec, system, from } of await database.query<Needed[]>(NEEDED)) {
    try {
      const archive = await WalArchive.of(spec);
      if ((await archive.systemIdentifier()) !== system) continue;
      const gone = await removeBefore(archive, parseLsn(from));
      if (gone > 0) log.info({ config: name, files: gone, before: from }, 'archived WAL was deleted');
      removed += gone;
    } catch (error) {
      log.error({ err: error, config: name }, 'archived WAL that is of no use could not be deleted');
    }
  }
  return removed;
}

/** All that ends before a place, on any timeline: what leads on from a copy lies behind its beginning. Histories stay. */
export async function removeBefore(archive: WalArchive, from: bigint): Promise<number> {
  let segmentBytes: number | undefined;
  let removed = 0;
  for await (const name of archive.names()) {
    if (name.kind === 'history') continue;
    if (name.kind === 'segment') segmentBytes ??= (await archive.inspect(name))?.bytes;
    // Before the first segment nobody knows how large they are; such a file goes another time.
    if (segmentBytes === undefined || numberOf(name.name, segmentBytes) >= from / BigInt(segmentBytes)) continue;
    await archive.store.remove(keyOf(name));
    removed++;
  }
  return removed;
}
