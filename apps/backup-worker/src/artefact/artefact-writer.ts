import type { Compression } from '@hozen/contracts';
import type { Pace } from '../resources/pace.js';
import type { ArtefactIndex, DatabaseContent, StreamFacts } from './artefact-index.js';
import { framingOf, type Framing } from './framing.js';
import { MemberWriter, type ByteSink, type WrittenFile } from './member-writer.js';
import { PartBuffers } from './part-buffers.js';
import { StreamWriter } from './stream-writer.js';

/** Members that are packed or written at one time; as many as the thread pool has threads. */
const IN_FLIGHT = 4;

export interface WrittenArtefact extends WrittenFile {
  /** Bytes of all streams before compression. */
  originalBytes: number;
  /** The member that holds the index, the last one: where it starts before encryption, and its bytes. */
  index: { offset: number; length: number };
}

export interface ArtefactOptions {
  compression: Compression;
  /** gzip level, 1 to 9. */
  level: number;
  /** Streams written at one time, at most. */
  streams: number;
  modifiedAt: Date;
  /** It becomes a file of SQL: its streams are written one after the other. */
  sql?: boolean;
  pace?: Pace;
}

/** Writes an artefact (docs/artefact-format.md): several streams at once, in constant memory. */
export class ArtefactWriter<Sink extends ByteSink = ByteSink> {
  readonly #members: MemberWriter;
  readonly #buffers: PartBuffers;
  readonly #streams: StreamFacts[] = [];
  readonly #framing: Framing;
  #state: 'open' | 'finished' | 'aborted' = 'open';

  constructor(
    readonly sink: Sink,
    private readonly options: ArtefactOptions,
  ) {
    this.#members = new MemberWriter(sink, options.compression, options.level, IN_FLIGHT, options.pace?.cpu);
    this.#framing = framingOf(options.sql ?? false);
    this.#buffers = PartBuffers.for(options.streams);
  }

  get compression(): Compression {
    return this.options.compression;
  }

  get isSql(): boolean {
    return this.options.sql ?? false;
  }

  /** Bytes that stand in the file so far. */
  get storedBytes(): number {
    return this.#members.offset;
  }

  /** Bytes of all ended streams before compression. */
  get originalBytes(): number {
    return this.#streams.reduce((sum, stream) => sum + stream.bytes, 0);
  }

  /** Adds a small file whole. */
  async addFile(name: string, content: string | Buffer, mode = 0o600): Promise<void> {
    const stream = this.#stream(name, mode);
    await stream.write(typeof content === 'string' ? Buffer.from(content) : content);
    await this.endStream(stream);
  }

  /** A stream that is written while others are; close it with {@link endStream}. */
  openStream(name: string): StreamWriter {
    return this.#stream(name);
  }

  async endStream(stream: StreamWriter): Promise<StreamFacts> {
    const facts = await stream.end();
    this.#streams.push(facts);
    return facts;
  }

  /** Writes the index and the end of the archive, and waits until everything is on disk. */
  async finish(databases: DatabaseContent[]): Promise<WrittenArtefact> {
    await this.#members.drain();
    const index: ArtefactIndex = { version: 1, streams: this.#streams, databases };
    const offset = this.#members.offset;
    await this.#members.add(this.#framing.index(index, this.options.modifiedAt), () => undefined);
    await this.#members.drain();
    const length = this.#members.offset - offset;
    const file = await this.sink.finish();
    this.#state = 'finished';
    return { ...file, originalBytes: this.originalBytes, index: { offset, length } };
  }

  /** Removes what was written, unless it is finished. Waits for the members in flight; never throws. */
  async abort(): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'aborted';
    await this.sink.abort();
    await this.#members.drain().catch(() => undefined);
  }

  #stream(name: string, mode = 0o600): StreamWriter {
    const { modifiedAt, pace, sql } = this.options;
    return new StreamWriter(name, this.#members, this.#buffers, { modifiedAt, mode, bare: sql ?? false }, pace?.read);
  }
}
