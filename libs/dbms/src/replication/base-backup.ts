import { HozenError } from '@hozen/contracts';
import type { TargetClient } from '../connection/connect.js';
import { asTargetError } from '../connection/target-error.js';
import { TakenSocket } from '../copy/taken-socket.js';
import { BackupMessages } from './backup-messages.js';

export interface BaseBackupOptions {
  label: string;
  /** `spread` lets the checkpoint at the beginning take its time. */
  checkpoint: 'fast' | 'spread';
  /** Only what changed since the manifest that was uploaded before. PostgreSQL 17 and newer. */
  incremental?: boolean;
}

/** Takes a base backup as it comes. What is given is used again when the call, or its promise, is done. */
export interface BaseBackupTaker {
  /** A tar archive begins. @param location folder of the tablespace; empty for the data directory */
  archive(name: string, location: string): Promise<void> | undefined;
  data(bytes: Buffer): Promise<void> | undefined;
  manifest(bytes: Buffer): void;
}

export interface BaseBackupFacts {
  /** Replay begins here, as `0/2000028`. */
  startLsn: string;
  /** Up to here WAL must be replayed before the copy is consistent. */
  endLsn: string;
  timeline: number;
  tablespaces: { oid: number; location: string }[];
  /** What the server noticed, page checksums that are wrong among it. */
  warnings: string[];
  /** Page checksums were looked at while the files were read, where the cluster has them. */
  pagesChecked: boolean;
  /** Some were wrong: the copy is whole, but the original is damaged. */
  damaged: boolean;
}

const DATA_CORRUPTED = 'XX001';
/** From this version on all archives and the manifest come in one COPY; before, in a COPY each. */
const ONE_COPY_MAJOR = 15;

/**
 * Has the server send a copy of itself, with the WAL that belongs to it. PostgreSQL 13 and newer.
 * @param client of a replication connection; closed when this fails, because the server would go on sending
 * @param major version of the server
 * @see https://www.postgresql.org/docs/current/protocol-replication.html BASE_BACKUP
 * @throws what `taker` throws, and the signal's reason; HozenError of the TARGET_ codes
 */
export async function baseBackup(
  client: TargetClient,
  major: number,
  options: BaseBackupOptions,
  taker: BaseBackupTaker,
  signal?: AbortSignal,
): Promise<BaseBackupFacts> {
  const isOne = major >= ONE_COPY_MAJOR;
  const backup = new ReceivedBackup(taker);
  const done = Promise.withResolvers<void>();
  done.promise.catch(() => undefined);
  let taking: Promise<void> | undefined;
  const messages = new BackupMessages(
    {
      row: (result, fields) => backup.row(result, fields),
      copy: () => (isOne ? undefined : backup.next()),
      archive: (name, location) => backup.archive(name, location),
      manifest: () => backup.manifest(),
      data: (bytes) => backup.data(bytes),
      warning: (text) => backup.warnings.push(text),
      error: (error) => (backup.refusal ??= error),
      ready: () => done.resolve(),
    },
    isOne,
  );
  using taken = new TakenSocket(client, {
    data: (chunk) => (taking = messages.push(chunk)),
    failed: (error) => done.reject(backup.refusal ?? error),
  });
  const stop = () => done.reject(signal?.reason as Error);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    signal?.throwIfAborted();
    taken.query(isOne ? statementOf(options) : earlierStatementOf(options));
    await done.promise;
    await taking;
    return backup.facts();
  } catch (error) {
    taken.socket.destroy();
    throw signal?.aborted || error instanceof HozenError ? error : asTargetError(error, client.address);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/** What has come so far. Results are, in order: where it starts, the tablespaces, where it ends. */
class ReceivedBackup {
  readonly warnings: string[] = [];
  refusal: Error | undefined;
  #inManifest = false;
  #start: { lsn: string; timeline: number } | undefined;
  #end: string | undefined;
  readonly #tablespaces: { oid: number; location: string }[] = [];
  /** In the order in which they are sent; the data directory is the last of them. */
  readonly #announced: { name: string; location: string }[] = [];
  #begun = 0;

  constructor(private readonly taker: BaseBackupTaker) {}

  row(result: number, [first, second]: (string | null)[]): void {
    if (result === 0) this.#start = { lsn: first ?? '', timeline: Number(second) };
    else if (result === 2) this.#end = first ?? '';
    else {
      // The data directory itself has no OID.
      if (first) this.#tablespaces.push({ oid: Number(first), location: second ?? '' });
      this.#announced.push({ name: first ? `${first}.tar` : 'base.tar', location: second ?? '' });
    }
  }

  /** A COPY of its own begins: of the next archive, and after the last one of the manifest. */
  next(): Promise<void> | undefined {
    const archive = this.#announced[this.#begun++];
    return archive ? this.archive(archive.name, archive.location) : this.manifest();
  }

  archive(name: string, location: string): Promise<void> | undefined {
    this.#inManifest = false;
    return this.taker.archive(name, location);
  }

  manifest(): undefined {
    this.#inManifest = true;
  }

  data(bytes: Buffer): Promise<void> | undefined {
    if (!this.#inManifest) return this.taker.data(bytes);
    this.taker.manifest(bytes);
    return undefined;
  }

  /** @throws what the server refused with */
  facts(): BaseBackupFacts {
    // It says that pages are damaged when everything was sent.
    const code = this.refusal && 'code' in this.refusal ? this.refusal.code : undefined;
    const damaged = code === DATA_CORRUPTED && this.#end !== undefined;
    if (this.refusal && !damaged) throw this.refusal;
    if (!this.#start || this.#end === undefined) throw new Error('the server ended the backup before its end');
    const { lsn, timeline } = this.#start;
    const tablespaces = this.#tablespaces;
    return {
      startLsn: lsn,
      endLsn: this.#end,
      timeline,
      tablespaces,
      warnings: this.warnings,
      pagesChecked: true,
      damaged,
    };
  }
}

function statementOf({ label, checkpoint, incremental }: BaseBackupOptions): string {
  const options = [
    `LABEL '${label.replaceAll("'", "''")}'`,
    `CHECKPOINT '${checkpoint}'`,
    'WAL true',
    // An archive that hangs is not the business of a backup that brings its WAL along.
    'WAIT false',
    "MANIFEST 'yes'",
    "MANIFEST_CHECKSUMS 'CRC32C'",
    'TABLESPACE_MAP true',
    ...(incremental ? ['INCREMENTAL true'] : []),
  ];
  return `BASE_BACKUP (${options.join(', ')})`;
}

/** The same to PostgreSQL 13 and 14, which know no incremental ones. */
function earlierStatementOf({ label, checkpoint }: BaseBackupOptions): string {
  const fast = checkpoint === 'fast' ? ' FAST' : '';
  return `BASE_BACKUP LABEL '${label.replaceAll("'", "''")}'${fast} WAL NOWAIT TABLESPACE_MAP MANIFEST 'yes' MANIFEST_CHECKSUMS 'CRC32C'`;
}
