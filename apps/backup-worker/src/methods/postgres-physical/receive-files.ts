import { asTargetError, baseBackup, copyIn, type BaseBackupTaker, type TargetClient } from '@hozen/dbms';
import type { AttemptContext, BackupJob } from '../../job.js';
import type { CopiedArchives, CopiedFiles } from './copied-archives.js';
import { slotName } from './slot-name.js';
import type { Parent } from './parent.js';

/** Bytes of a list in one message. */
const PIECE = 64 * 1024;

/**
 * Has the server send its files over the replication protocol, wherever it is.
 * @param client of a connection for replication
 * @param major version of the server
 * @param uploaded where the server itself leaves out what has not changed since
 * @returns what the server says, and its backup_manifest
 */
export async function receiveFiles(
  client: TargetClient,
  major: number,
  job: BackupJob,
  archives: CopiedArchives,
  { signal }: Pick<AttemptContext, 'signal'>,
  uploaded: Parent | undefined,
): Promise<CopiedFiles> {
  await reserveWal(client, job);
  if (uploaded) await copyIn(client, 'UPLOAD_MANIFEST', piecesOf(uploaded.list));
  const options = {
    label: `hozen ${job.runId}`,
    checkpoint: job.config.checkpoint,
    ...(uploaded ? { incremental: true } : {}),
  };
  const list: Buffer[] = [];
  const taker: BaseBackupTaker = {
    archive: (name) => archives.begin(name).then(() => undefined),
    data: (bytes) => {
      archives.count(bytes.length);
      return archives.current?.push(bytes);
    },
    manifest: (bytes) => list.push(Buffer.from(bytes)),
  };
  const facts = await baseBackup(client, major, options, taker, signal);
  await archives.end();
  return { facts, list: Buffer.concat(list).toString('utf8') };
}

/** No WAL of the time of the copy may go before the copy has it, however long that takes. It goes with the session. */
async function reserveWal(client: TargetClient, job: BackupJob): Promise<void> {
  try {
    await client.query(`CREATE_REPLICATION_SLOT ${slotName(job)} TEMPORARY PHYSICAL RESERVE_WAL`);
  } catch (error) {
    throw asTargetError(error, client.address);
  }
}

async function* piecesOf(text: string): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += PIECE) yield await Promise.resolve(bytes.subarray(at, at + PIECE));
}
