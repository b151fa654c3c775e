import { HozenError, type ConfigSpec, storageLocation } from '@hozen/contracts';
import { failpoint } from '@hozen/telemetry';
import { inspect, pack, sha256, unpack, type ArchivedHeader, type Sealing } from './archived-file.js';
import type { ArchiveStore } from './archive-store.js';
import { openArchiveStore } from './open-archive-store.js';
import { keyOf, nameAt, walNameOf, type WalName } from './wal-name.js';
import { readWalSource, segmentBytesIn, systemIn, type WalSource } from './wal-source.js';

/** Says which cluster the archive belongs to. */
const IDENTITY = 'archive.json';

interface Identity {
  format: 'hozen-wal-archive';
  version: 1;
  systemIdentifier: string;
}

/** What a config says of its WAL archive. */
export type ArchiveSpec = Pick<ConfigSpec, 'walArchive' | 'encryption' | 'signing' | 'compressionLevel'>;

/** The WAL that one cluster has archived. Every file is created once and never changed. */
export class WalArchive {
  private constructor(
    readonly location: string,
    readonly store: ArchiveStore,
    private readonly sealing: Sealing,
  ) {}

  /** @throws HozenError CONFIG_INVALID where the config has none */
  static async of({ walArchive, encryption, signing, compressionLevel }: ArchiveSpec): Promise<WalArchive> {
    if (!walArchive) throw new HozenError('CONFIG_INVALID', {}, { detail: 'the config has no walArchive' });
    const sealing = { level: compressionLevel, encryption, signing };
    return new WalArchive(storageLocation(walArchive), await openArchiveStore(walArchive), sealing);
  }

  /**
   * Archives a file. When it resolves, the file is stored and synced, by this call or by an earlier one.
   * @returns the SHA-256 of the file
   * @throws HozenError WAL_INVALID, WAL_FOREIGN, WAL_CONFLICT; ARTEFACT_CORRUPT where what stands there is damaged
   */
  async push(path: string): Promise<string> {
    const source = await readWalSource(path);
    const system = await this.#ensureOwner(source, path);
    const key = keyOf(source.name);
    const packed = await pack(source, system, this.sealing);
    await failpoint('archive.packed');
    if (!(await this.store.create(key, packed))) await this.#ensureSame(key, source, system);
    return sha256(source.content);
  }

  /**
   * Shows what is received so far of a segment that the server still writes, instead of what was shown before.
   * @param content from its beginning on
   */
  async show(segment: string, content: Buffer): Promise<void> {
    const name = requireWalName(`${segment}.live`);
    const system = await this.#ensureOwner({ name, content, systemIdentifier: systemIn(content) }, segment);
    const packed = await pack({ name, content, systemIdentifier: system }, system, this.sealing);
    await this.store.replace(keyOf(name), packed);
  }

  /** What is shown of a segment, with nothing where there is nothing yet. */
  async shown(segment: string): Promise<Buffer | undefined> {
    const content = await this.get(requireWalName(`${segment}.live`));
    if (!content) return undefined;
    const whole = Buffer.alloc(segmentBytesIn(content));
    content.copy(whole);
    return whole;
  }

  async has(file: string): Promise<boolean> {
    const key = keyOf(requireWalName(file));
    for await (const found of this.store.list(key)) if (found === key) return true;
    return false;
  }

  /** When the segment itself is archived. */
  async hide(segment: string): Promise<void> {
    await this.store.remove(keyOf(requireWalName(`${segment}.live`)));
  }

  /** @returns undefined where it is not there. @throws HozenError ARTEFACT_CORRUPT, WAL_FOREIGN, of keys and storage */
  async get(name: WalName): Promise<Buffer | undefined> {
    const key = keyOf(name);
    const archived = await this.store.read(key);
    if (!archived) return undefined;
    const path = this.store.pathOf(key);
    const { header, content } = await unpack(archived, path, this.sealing);
    await this.#ensureBelongs(header, name, path);
    return content;
  }

  /** As far as can be seen without a private key. @throws as {@link get} */
  async inspect(name: WalName): Promise<ArchivedHeader | undefined> {
    const key = keyOf(name);
    const archived = await this.store.read(key);
    if (!archived) return undefined;
    const header = inspect(archived, this.store.pathOf(key), this.sealing.signing);
    await this.#ensureBelongs(header, name, this.store.pathOf(key));
    return header;
  }

  /** Whether everything can be read here, not only looked at. */
  get isReadable(): boolean {
    const { encryption } = this.sealing;
    return encryption === undefined || encryption.identity !== undefined;
  }

  /** All files, in the order of their names: histories among the WAL. @param start of their names */
  async *names(start = '', after?: string): AsyncGenerator<WalName> {
    for await (const key of this.store.list(start, after)) {
      const name = nameAt(key);
      if (name) yield name;
    }
  }

  /**
   * Whether WAL of the same timeline stands before and after a segment that does not.
   * Without it a recovery would take the gap for the end.
   */
  async isGap(name: WalName): Promise<boolean> {
    if (name.kind !== 'segment') return false;
    const timeline = name.name.slice(0, 8);
    const first = await this.#firstSegment(timeline);
    if (!first || first.name >= name.name) return false;
    return (await this.#firstSegment(timeline, keyOf(name))) !== undefined;
  }

  async systemIdentifier(): Promise<string | undefined> {
    const known = await this.store.read(IDENTITY);
    if (!known) return undefined;
    const path = this.store.pathOf(IDENTITY);
    try {
      const { format, version, systemIdentifier } = JSON.parse(known.toString()) as Identity;
      if (format === 'hozen-wal-archive' && version === 1 && /^\d{1,20}$/.test(systemIdentifier))
        return systemIdentifier;
    } catch {
      // Says the same.
    }
    throw new HozenError('ARTEFACT_CORRUPT', { path, what: 'it does not say whose the archive is' });
  }

  async #firstSegment(timeline: string, after?: string): Promise<WalName | undefined> {
    for await (const name of this.names(timeline, after)) if (name.kind === 'segment') return name;
    return undefined;
  }

  /** The archive is of the cluster that comes first. */
  async #ensureOwner({ systemIdentifier: ours }: WalSource, path: string): Promise<string> {
    let theirs = await this.systemIdentifier();
    if (theirs === undefined && ours !== undefined) {
      const identity: Identity = { format: 'hozen-wal-archive', version: 1, systemIdentifier: ours };
      await this.store.create(IDENTITY, Buffer.from(`${JSON.stringify(identity)}\n`));
      // Of two that come at once, the other one may have been faster.
      theirs = await this.systemIdentifier();
    }
    if (theirs === undefined) {
      throw new HozenError(
        'WAL_INVALID',
        { path },
        { detail: 'no data directory around it says of which cluster it is' },
      );
    }
    if (ours !== undefined && ours !== theirs) throw foreign(this.location, theirs, ours);
    return theirs;
  }

  async #ensureSame(key: string, { name, content }: WalSource, system: string): Promise<void> {
    const archived = await this.store.read(key);
    const path = this.store.pathOf(key);
    if (!archived) throw new HozenError('STORAGE_IO', { path }, { detail: 'it was there, and is not any more' });
    const header = inspect(archived, path, this.sealing.signing);
    await this.#ensureBelongs(header, name, path);
    if (header.systemIdentifier !== system) throw foreign(path, header.systemIdentifier, system);
    if (header.sha256 !== sha256(content))
      throw new HozenError('WAL_CONFLICT', { name: name.name, path: this.location });
  }

  async #ensureBelongs(header: ArchivedHeader, { name }: WalName, path: string): Promise<void> {
    if (header.name !== name) throw new HozenError('ARTEFACT_CORRUPT', { path, what: `it is ${header.name}` });
    const owner = await (this.#owner ??= this.systemIdentifier());
    if (owner !== undefined && header.systemIdentifier !== owner) {
      throw foreign(path, header.systemIdentifier, owner);
    }
  }

  #owner: Promise<string | undefined> | undefined;
}

/** @throws HozenError WAL_INVALID */
export function requireWalName(name: string): WalName {
  const found = walNameOf(name);
  if (!found) throw new HozenError('WAL_INVALID', { path: name }, { detail: 'the name is none of a WAL file' });
  return found;
}

function foreign(path: string, theirs: string, ours: string): HozenError {
  return new HozenError('WAL_FOREIGN', { path, theirs, ours });
}
