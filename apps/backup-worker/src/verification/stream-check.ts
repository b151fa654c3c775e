import { createHash, type Hash } from 'node:crypto';
import type { StreamFacts, TableContent } from '../artefact/artefact-index.js';
import type { ExpectedMember } from '../artefact/layout.js';
import type { Framing } from '../artefact/framing.js';
import type { ArchiveCheck } from './archive-check.js';
import { CustomFormatReader, FormatError, type StreamContents } from '../pipeline/custom-format.js';
import { END_OF_COPY } from '../pipeline/custom-format-writer.js';

/** Follows one stream of an artefact as its parts come by. Throws RangeError with what is wrong. */
export class StreamCheck {
  readonly #hash: Hash | undefined;
  readonly #archive: CustomFormatReader | undefined;
  #parts = 0;
  #bytes = 0;

  /**
   * @param table the one that has this stream alone: its rows are not hashed again, the SHA-256 of the file will do
   * @param files where the stream is an archive of files
   */
  constructor(
    private readonly facts: StreamFacts,
    private readonly framing: Framing,
    private readonly table?: TableContent,
    private readonly files?: ArchiveCheck,
  ) {
    this.#hash = facts.sha256 === undefined ? undefined : createHash('sha256');
    const onRows = table && (() => undefined);
    this.#archive = facts.name.endsWith('.dump') ? new CustomFormatReader({ onRows }) : undefined;
  }

  /** @param raw the member unpacked, with what is around its content */
  part(member: ExpectedMember, raw: Buffer): void {
    const size = member.bytes;
    this.framing.check(raw, { name: member.entry, size });
    if (member.part !== this.#parts++) throw new RangeError('the parts are not in order');
    const content = raw.subarray(this.framing.start, this.framing.start + size);
    this.#hash?.update(content);
    this.#bytes += size;
    asDamage(() => this.#archive?.push(content));
    this.files?.push(content);
  }

  /** @returns what the stream holds, where it is a dump of several tables */
  end(): StreamContents | undefined {
    const { bytes, sha256, parts } = this.facts;
    if (this.#parts !== parts.length) throw new RangeError('parts are missing');
    if (this.#bytes !== bytes) throw new RangeError(`${this.#bytes} bytes instead of ${bytes}`);
    if (this.#hash && this.#hash.digest('hex') !== sha256) throw new RangeError('the SHA-256 is wrong');
    this.files?.end();
    const content = asDamage(() => this.#archive?.end());
    // Of a file of SQL the SHA-256 says it all.
    if (!this.table || !this.#archive) return content;
    const found = (content?.tables[0]?.bytes ?? 0) - END_OF_COPY.length;
    if (found !== this.table.bytes) throw new RangeError(`${found} bytes of rows instead of ${this.table.bytes}`);
    return undefined;
  }
}

function asDamage<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof FormatError) throw new RangeError(error.message, { cause: error });
    throw error;
  }
}
