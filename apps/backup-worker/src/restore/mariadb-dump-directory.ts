import { connectMariadb, PrivateMariadb, type AnsweringMariadb } from '@hozen/dbms';
import type { AttemptContext } from '../job.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { serverLike } from '../verification/copied-mariadb.js';
import { restoreDump } from '../verification/restore-dump.js';
import { dropOwnUser, makeOwnUser } from './own-user.js';

export interface DumpDirectory extends Pick<AttemptContext, 'signal' | 'progress'> {
  artefact: CommittedArtefact;
  /** A new data directory. */
  directory: string;
  logFile: string;
  /** Of a user that is gone in the end. */
  user: string;
}

/** What a new server lets in comes from the dump alone: without this anybody on the machine would be root there. */
const MADE_WITH_IT = `SELECT User AS user, Host AS host FROM mysql.user WHERE User NOT IN ('mariadb.sys', 'PUBLIC') AND User NOT LIKE 'mysql.%'`;

/**
 * Restores a whole dump, users and all, into the data directory of a new server, and compares it. The server is stopped again.
 * @throws HozenError CONTENT_DIFFERS, SANDBOX_FAILED, SERVER_START_FAILED, ARTEFACT_CORRUPT, of the STORAGE_ codes
 */
export async function restoreDumpIntoDirectory(restore: DumpDirectory): Promise<void> {
  const { artefact, directory: dataDir, logFile, signal } = restore;
  const like = await serverLike(artefact);
  await using server = await PrivateMariadb.start({ ...like, dataDir, keep: true, logFile, sandbox: {}, signal });
  const address = await onlyUser(server, restore.user);
  await restoreDump(address, artefact, restore);
  await dropOwnUser(address);
  await server.stop();
}

async function onlyUser(server: PrivateMariadb, user: string): Promise<AnsweringMariadb> {
  await using root = await connectMariadb(server.address());
  const others = await root.query<{ user: string; host: string }>(MADE_WITH_IT);
  const address = await makeOwnUser(root, user);
  await using client = await connectMariadb(address);
  for (const other of others) await client.query(`DROP USER ${client.name(other.user)}@${client.name(other.host)}`);
  return address;
}
