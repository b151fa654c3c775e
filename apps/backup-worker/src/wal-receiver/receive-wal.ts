import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HozenError } from '@hozen/contracts';
import {
  connect,
  formatLsn,
  streamWal,
  walFileName,
  type PostgresAddress,
  type TargetClient,
  type WalStreamEnd,
} from '@hozen/dbms';
import { failpoint, type Logger } from '@hozen/telemetry';
import { WAL_END } from '../methods/postgres-wal/log-facts.sql.js';
import { ensureSlot } from '../methods/postgres-wal/log-slot.js';
import { historyOf, parseHistory } from '../methods/postgres-wal/turns.js';
import { readRow } from '../methods/read-row.js';
import { walNameOf } from '../wal-archive/wal-name.js';
import type { WalArchive } from '../wal-archive/wal-archive.js';
import { ReceivedSegment } from './received-segment.js';

export interface Receiving {
  address: PostgresAddress;
  archive: WalArchive;
  /** The slot is ours: whoever else uses it is a dead or an older owner. Also the name for synchronous_standby_names. */
  slot: string;
  /** A folder of this machine, for the file that is being received: this owner's own, beside those of earlier ones. */
  folder: string;
  /** So often the file that is being received is shown in the archive, where there is more of it. */
  showEveryMs: number;
  /** @throws HozenError LEASE_LOST */
  ensureLease: () => void;
  signal: AbortSignal;
  log: Pick<Logger, 'info' | 'warn'>;
  /** Told whenever more is on disk. */
  onProgress?: (synced: bigint) => void;
}

interface ServerRow {
  segmentBytes: number;
  system: string;
}

const SERVER = `
SELECT (SELECT setting::int FROM pg_settings WHERE name = 'wal_segment_size') AS "segmentBytes",
       (SELECT system_identifier::text FROM pg_control_system()) AS "system"`;

const END_OTHERS = `
SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1 AND active_pid IS NOT NULL`;

/** Where to begin: in a file of its timeline. */
interface Place {
  timeline: number;
  lsn: bigint;
}

/**
 * Receives WAL until it is told to stop, or something fails. Whole files go into the archive; the server is told that WAL
 * is kept when it is on this machine's disk, and that it may let a file go only when the archive has it: whoever takes over,
 * on any machine, is sent again what the archive does not have.
 * @throws the signal's reason; HozenError of the TARGET_ and STORAGE_ codes, DISK_FULL, WAL_CONFLICT, WAL_FOREIGN
 */
export async function receiveWal(receiving: Receiving): Promise<void> {
  const { address, slot, signal } = receiving;
  await showLeftovers(receiving);
  receiving.ensureLease();
  let place: Place;
  let segmentBytes: number;
  {
    await using client = await connect(address, { applicationName: slot });
    const server = await readRow<ServerRow>(client, SERVER);
    ({ segmentBytes } = server);
    await ensureOwnArchive(receiving.archive, server.system);
    await client.query(END_OTHERS, [slot]);
    const heldFrom = await ensureSlot(client, slot);
    place = await beginning(receiving, client, heldFrom, segmentBytes);
  }
  for (;;) {
    const next = await receiveTimeline(receiving, place, segmentBytes);
    signal.throwIfAborted();
    if (!next) throw new Error('the server ended its WAL');
    place = { timeline: next.timeline, lsn: (next.from / BigInt(segmentBytes)) * BigInt(segmentBytes) };
  }
}

/** The first file that the slot holds and the archive does not have. */
async function beginning(
  { archive, address, slot, log }: Receiving,
  client: TargetClient,
  heldFrom: bigint,
  segmentBytes: number,
): Promise<Place> {
  const { timeline: now } = await readRow<{ timeline: number }>(client, WAL_END);
  await using replication = await connect(address, { applicationName: slot, replication: true });
  const history = now > 1 ? await historyOf(replication, now) : undefined;
  const turns = history ? parseHistory(history.content) : [];
  const bytes = BigInt(segmentBytes);
  let lsn = (heldFrom / bytes) * bytes;
  const timelineOf = (place: bigint) => turns.find(({ endLsn }) => endLsn > place)?.timeline ?? now;
  for (;;) {
    const name = walNameOf(walFileName(timelineOf(lsn), lsn, segmentBytes));
    if (!name || !(await archive.inspect(name))) break;
    lsn += bytes;
  }
  log.info({ from: formatLsn(lsn), timeline: timelineOf(lsn) }, 'receiving WAL');
  return { timeline: timelineOf(lsn), lsn };
}

async function receiveTimeline(
  receiving: Receiving,
  { timeline, lsn }: Place,
  segmentBytes: number,
): Promise<WalStreamEnd['next']> {
  const { address, slot, signal } = receiving;
  await using client = await connect(address, { applicationName: slot, replication: true });
  await using files = new ReceivedFiles(receiving, timeline, segmentBytes, lsn);
  const failing = AbortSignal.any([signal, files.failed]);
  const keeping = { flushed: () => files.flushed, begun: (tell: () => void) => (files.onFlushed = tell) };
  const { next } = await streamWal(client, { slot, timeline, start: lsn, keeping }, (wal) => files.push(wal), failing);
  if (next) {
    await files.endTimeline();
    const history = await historyOf(client, next.timeline);
    if (history) await files.archiveAs(history.name, Buffer.from(history.content));
  }
  return next;
}

/** The files of one timeline: one that grows, and one that is on its way into the archive. */
class ReceivedFiles implements AsyncDisposable {
  /** Called when more is safe. */
  onFlushed: () => void = () => undefined;
  readonly #failed = new AbortController();
  #current: ReceivedSegment | undefined;
  /** Before this the archive has everything. */
  #archivedUntil: bigint;
  #archiving: Promise<void> = Promise.resolve();
  #next: bigint;
  #shown = 0n;
  #showing: Promise<void> = Promise.resolve();
  readonly #timer: NodeJS.Timeout;

  constructor(
    private readonly receiving: Receiving,
    private readonly timeline: number,
    private readonly segmentBytes: number,
    start: bigint,
  ) {
    this.#archivedUntil = start;
    this.#next = start;
    this.#timer = setInterval(() => {
      this.#showing = this.#showing.then(() => this.#show()).catch((error: unknown) => this.#failed.abort(error));
    }, receiving.showEveryMs);
  }

  get failed(): AbortSignal {
    return this.#failed.signal;
  }

  /**
   * What the server may count as kept: it is on disk here, and it lies in the first file that the archive does not have yet,
   * or before. So the server keeps that file.
   */
  get flushed(): bigint {
    const synced = this.#current?.synced ?? this.#next;
    const most = this.#archivedUntil + BigInt(this.segmentBytes) - 1n;
    return synced < most ? synced : most;
  }

  async push(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const segment = (this.#current ??= await this.#begin());
      const piece = bytes.subarray(at, at + segment.room);
      await segment.write(piece);
      at += piece.length;
      if (segment.room === 0) await this.#finish(segment);
    }
  }

  /** What the last file of a timeline has; the next timeline begins with it, in a file of its own. */
  async endTimeline(): Promise<void> {
    await this.#archiving;
    const segment = this.#current;
    if (!segment) return;
    await segment.settled();
    const whole = Buffer.alloc(this.segmentBytes);
    (await segment.content()).copy(whole);
    await this.archiveAs(`${segment.name}.partial`, whole);
    await this.receiving.archive.hide(segment.name);
    await segment.remove();
  }

  async archiveAs(name: string, content: Buffer): Promise<void> {
    const path = join(this.receiving.folder, name);
    await writeFile(path, content, { mode: 0o600 });
    this.receiving.ensureLease();
    await this.receiving.archive.push(path);
    await rm(path, { force: true });
  }

  /** What was received is shown, also when the server is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#showing;
    await this.#archiving.catch(() => undefined);
    const segment = this.#current;
    if (!segment) return;
    await segment.settled().catch(() => undefined);
    await this.#show().catch((error: unknown) => {
      this.receiving.log.warn({ err: error }, 'what was received last stays on this machine');
    });
    await segment.close();
  }

  async #begin(): Promise<ReceivedSegment> {
    const { folder, archive } = this.receiving;
    const live = walNameOf(`${walFileName(this.timeline, this.#next, this.segmentBytes)}.live`);
    // Whoever received before us has shown so much of it: it is not replaced by less.
    const before = live && this.#next === this.#archivedUntil ? await archive.inspect(live) : undefined;
    this.#shown = this.#next + BigInt(before?.bytes ?? 0);
    const place = { timeline: this.timeline, start: this.#next, segmentBytes: this.segmentBytes };
    return ReceivedSegment.begin(folder, place, () => this.#tell());
  }

  #tell(): void {
    this.onFlushed();
    this.receiving.onProgress?.(this.flushed);
  }

  /** A whole file goes into the archive while the next one grows; not two at a time. */
  async #finish(segment: ReceivedSegment): Promise<void> {
    await segment.settled();
    await segment.close();
    await this.#archiving;
    this.#failed.signal.throwIfAborted();
    this.#current = undefined;
    this.#next = segment.end;
    this.#archiving = this.#archive(segment);
    this.#archiving.catch((error: unknown) => this.#failed.abort(error));
  }

  async #archive(segment: ReceivedSegment): Promise<void> {
    const { archive, ensureLease } = this.receiving;
    await failpoint('receiver.before-archive');
    ensureLease();
    await archive.push(segment.path);
    this.#archivedUntil = segment.end;
    this.#tell();
    await failpoint('receiver.archived');
    await archive.hide(segment.name);
    await segment.remove();
  }

  async #show(): Promise<void> {
    const segment = this.#current;
    if (!segment || segment.synced <= this.#shown || segment.room === 0) return;
    const content = await segment.content();
    this.receiving.ensureLease();
    await this.receiving.archive.show(segment.name, content);
    this.#shown = segment.start + BigInt(content.length);
  }
}

/** What earlier receivers had on this machine, when they ended: the server may be gone by now. */
async function showLeftovers({ folder, archive, ensureLease }: Receiving): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const owner of await readdir(dirname(folder))) {
    const left = join(dirname(folder), owner);
    for (const file of await readdir(left)) {
      const name = walNameOf(file);
      const content = await readFile(join(left, file));
      ensureLease();
      if (name?.kind === 'segment' && content.length > 0 && !(await archive.inspect(name))) {
        if (await isLonger(archive, file, content)) await archive.show(file, content);
      }
      await rm(join(left, file), { force: true });
    }
    if (left !== folder) await rm(left, { recursive: true, force: true });
  }
}

/** Another machine may have gone on meanwhile. */
async function isLonger(archive: WalArchive, segment: string, content: Buffer): Promise<boolean> {
  const live = walNameOf(`${segment}.live`);
  const header = live && (await archive.inspect(live));
  return header === undefined || content.length > header.bytes;
}

async function ensureOwnArchive(archive: WalArchive, ours: string): Promise<void> {
  const theirs = await archive.systemIdentifier();
  if (theirs !== undefined && theirs !== ours) {
    throw new HozenError('WAL_FOREIGN', { path: archive.location, theirs, ours });
  }
}
