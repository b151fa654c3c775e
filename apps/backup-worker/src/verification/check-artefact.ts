import { dirname } from 'node:path';
import { inSpan } from '@hozen/telemetry';
import { ArtefactFile, corrupt, damaged } from '../artefact/artefact-file.js';
import { isArchive, isDataStream } from '../artefact/artefact-index.js';
import { loadCrc32c, type Crc32c } from '../artefact/crc32c.js';
import { layoutOf, type ExpectedMember } from '../artefact/layout.js';
import { unpackMember } from '../artefact/members.js';
import { Pool } from '../artefact/pooled.js';
import type { Framing } from '../artefact/framing.js';
import { DecryptingReader } from '../encryption/decrypting-reader.js';
import type { AttemptContext, BackupJob } from '../job.js';
import { together, type StreamContents } from '../pipeline/custom-format.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { SequentialReader } from '../storage/sequential-reader.js';
import { parseBackupManifest } from '../methods/postgres-physical/backup-manifest.js';
import { ArchiveCheck, ListedFiles } from './archive-check.js';
import { compareContents } from './compare-contents.js';
import { StreamCheck } from './stream-check.js';

/** Members that are unpacked at one time; as many as the thread pool has threads. */
const IN_FLIGHT = 4;

/**
 * Reads an artefact back from storage, once from its first byte to its last: size, SHA-256 of the file, every gzip
 * member, the tar structure, SHA-256 of every stream and the proper end of every dump in it.
 * @throws HozenError ARTEFACT_MISSING, ARTEFACT_CORRUPT (what and where), STORAGE_IO
 */
export async function checkArtefact(
  _job: BackupJob,
  artefact: CommittedArtefact,
  context: Pick<AttemptContext, 'signal' | 'progress' | 'pace'>,
): Promise<void> {
  const { path, manifest, bytes } = artefact;
  await inSpan('check artefact', { attributes: { 'file.path': path, 'file.size': bytes } }, async () => {
    await using file = await ArtefactFile.open(artefact);
    const members = layout(file, manifest.index.offset);
    await using stored = await SequentialReader.open(artefact.storage, path);
    const plain = file.payload && new DecryptingReader(stored, file.payload);
    const reader = plain ?? stored;
    const check = new MembersCheck(file, manifest.sql ?? false, await listedFiles(file));
    const pieces = new Pool(() => new Piece(members, file.framing));
    let done = 0;
    for (const member of members) {
      context.signal.throwIfAborted();
      await context.pace?.cpu?.();
      const piece = pieces.take();
      await read(reader, path, member.entry, piece.storedOf(member));
      await check.add(member, piece, pieces);
      done += member.bytes;
      context.progress({
        phase: 'verifying',
        bytes: done,
        expectedBytes: artefact.originalBytes,
        item: member.stream.name,
      });
    }
    await read(reader, path, 'index.json', Buffer.allocUnsafe(manifest.index.length));
    await check.end();
    if (stored.digest() !== artefact.sha256) throw corrupt(path, 'the SHA-256 of the file is wrong');
    if (plain && plain.digest() !== manifest.encryption?.plain.sha256) {
      throw corrupt(path, 'the SHA-256 of the decrypted file is wrong');
    }
  });
}

/** Memory for one member, used again and again: new memory for each keeps the garbage collector busy. */
class Piece {
  readonly #stored: Buffer;
  readonly #raw: Buffer;

  /** @param members the largest of them must fit */
  constructor(
    members: readonly ExpectedMember[],
    private readonly framing: Framing,
  ) {
    const largest = (size: (member: ExpectedMember) => number) =>
      members.reduce((most, member) => Math.max(most, size(member)), 0);
    this.#stored = Buffer.allocUnsafeSlow(largest((member) => member.storedBytes));
    this.#raw = Buffer.allocUnsafeSlow(largest((member) => framing.bytes(member.bytes)));
  }

  storedOf(member: ExpectedMember): Buffer {
    return this.#stored.subarray(0, member.storedBytes);
  }

  rawOf(member: ExpectedMember): Buffer {
    return this.#raw.subarray(0, this.framing.bytes(member.bytes));
  }
}

/** Of a copy of files: what must be in its archives. */
async function listedFiles(file: ArtefactFile): Promise<{ list: ListedFiles; crc32c: Crc32c } | undefined> {
  if (!file.index.streams.some(({ name }) => isArchive(name))) return undefined;
  const text = (await file.readFile('backup_manifest')).toString('utf8');
  try {
    return { list: new ListedFiles(parseBackupManifest(text)), crc32c: await loadCrc32c() };
  } catch (error) {
    throw damaged(file.path, 'backup_manifest', error);
  }
}

function layout(file: ArtefactFile, end: number): ExpectedMember[] {
  try {
    return layoutOf(file.index, end);
  } catch (error) {
    throw damaged(file.path, 'index.json', error);
  }
}

async function read(reader: Pick<SequentialReader, 'read'>, path: string, what: string, into: Buffer): Promise<void> {
  try {
    await reader.read(into);
  } catch (error) {
    throw damaged(path, what, error);
  }
}

/** Unpacks members side by side and looks at them in order. */
class MembersCheck {
  readonly #streams = new Map<string, StreamCheck>();
  readonly #unpacking: { member: ExpectedMember; raw: Buffer; unpacked: Promise<void>; free: () => void }[] = [];

  constructor(
    private readonly file: ArtefactFile,
    private readonly isSql: boolean,
    private readonly files: { list: ListedFiles; crc32c: Crc32c } | undefined,
  ) {
    const tables = new Map(file.index.databases.flatMap((each) => each.tables.map((table) => [table.stream, table])));
    for (const stream of file.index.streams) {
      const archive = files && isArchive(stream.name) && new ArchiveCheck(stream.name, files.list, files.crc32c);
      this.#streams.set(
        stream.name,
        new StreamCheck(stream, file.framing, tables.get(stream.name), archive || undefined),
      );
    }
  }

  async add(member: ExpectedMember, piece: Piece, pieces: Pool<Piece>): Promise<void> {
    const raw = piece.rawOf(member);
    const unpacked = unpackMember(piece.storedOf(member), this.file.compression, raw);
    // A failure is looked at when its turn comes.
    unpacked.catch(() => undefined);
    this.#unpacking.push({ member, raw, unpacked, free: () => pieces.give(piece) });
    if (this.#unpacking.length >= IN_FLIGHT) await this.#first();
  }

  async end(): Promise<void> {
    while (this.#unpacking.length > 0) await this.#first();
    const contents = new Map<string, StreamContents[]>();
    for (const [name, stream] of this.#streams) {
      const content = this.#at(name, () => stream.end());
      if (content && isDataStream(name)) contents.set(dirname(name), [...(contents.get(dirname(name)) ?? []), content]);
    }
    this.#at('backup_manifest', () => this.files?.list.end());
    for (const database of this.file.index.databases) {
      for (const { stream } of database.tables) if (stream !== undefined) this.file.stream(stream);
      if (this.isSql) continue;
      const shared = { ...database, tables: database.tables.filter((table) => table.stream === undefined) };
      const [first] = await compareContents(shared, together(contents.get(database.folder) ?? []));
      if (first) throw corrupt(this.file.path, `${database.folder}: ${first}`);
    }
  }

  async #first(): Promise<void> {
    const first = this.#unpacking.shift();
    if (!first) return;
    const { member } = first;
    const where = `${member.stream.name}, part ${member.part + 1} at byte ${member.offset}`;
    try {
      await first.unpacked;
      this.#streams.get(member.stream.name)?.part(member, first.raw);
      first.free();
    } catch (error) {
      throw damaged(this.file.path, where, error);
    }
  }

  #at<T>(name: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw damaged(this.file.path, name, error);
    }
  }
}
