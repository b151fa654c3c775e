import type { HozenError, StorageSpec } from '@hozen/contracts';
import type { ByteSink } from '../artefact/member-writer.js';
import type { ByteSource } from '../artefact/byte-source.js';
import type { AttemptContext } from '../job.js';
import type { ArtefactOwner, SideKind } from './artefact-paths.js';

export type Fence = Pick<AttemptContext, 'ensureLease'>;

/** What stands beside the data: of each kind that the job has. */
export type ArtefactTexts = Partial<Record<SideKind, string | Buffer>> & { manifest: string };

/** What became of the copy. */
export interface CopyOutcome {
  path: string;
  storage: StorageSpec;
  /** `pending`: it is made later, from the first one. */
  state: 'standing' | 'pending';
  /** Why it is not there yet. */
  error?: HozenError;
}

/** The same artefact in a second storage. It never makes the first one fail. */
export interface SecondSink {
  /** Shows it, after the first one was proven. @throws HozenError LEASE_LOST alone */
  publish(fence: Fence): Promise<CopyOutcome>;
  /** Removes what was written, as far as it can be reached. Never throws. */
  abort(): Promise<void>;
}

/** Takes the bytes of an artefact where nobody sees them, and then shows it. */
export interface ArtefactSink extends ByteSink {
  /** With it what was encrypted can be read again. */
  readonly fileKey?: Buffer;
  /** The same in a second storage; it is shown by itself. */
  readonly second?: SecondSink | undefined;
  /**
   * After `finish`: the data, what stands beside it, and last the manifest appear, each created only if nothing stands there.
   * @throws HozenError STORAGE_CONFLICT when another artefact stands there; LEASE_LOST, also when a later owner of the
   * run has cleaned up behind us; of the STORAGE_ and DISK_ codes
   */
  publish(texts: ArtefactTexts, fence: Fence): Promise<void>;
}

/**
 * A place for artefacts. Paths are those of artefactPaths(): absolute, or `s3://bucket/...`. Everything throws
 * HozenErrors of the STORAGE_ and DISK_ codes.
 */
export interface Storage {
  /**
   * Looks whether an artefact could be written.
   * @returns the folder whose disk it fills, where that can be told
   */
  check(owner: ArtefactOwner): Promise<string | undefined>;
  /**
   * Removes what earlier attempts of the run left, and opens a place for its data.
   * @param expectedBytes of the artefact, at most; it may become somewhat larger
   */
  open(owner: ArtefactOwner, expectedBytes: number): Promise<ArtefactSink>;
  /** A small file; undefined where there is none. */
  readText(path: string): Promise<string | undefined>;
  /**
   * A file, for reading any part of it; or once from end to end, past all caches.
   * @throws HozenError ARTEFACT_MISSING too
   */
  source(path: string, way: 'any' | 'sequential'): Promise<ByteSource>;
  /** Paths of all files, hidden ones too. */
  files(): AsyncGenerator<string>;
  /** Removes an artefact; the manifest goes first. What is not there is no error. */
  remove(dataPath: string): Promise<void>;
  /**
   * Takes back what this run published, if it was at this epoch: the manifest first, so that nothing unproven is
   * visible. @throws HozenError LEASE_LOST too
   */
  discard(owner: ArtefactOwner, epoch: number, fence: Fence): Promise<void>;
  /** Removes what attempts of the run up to this epoch left; never what is published, nor anything of others. */
  removeLeftovers(owner: ArtefactOwner, epoch: number): Promise<void>;
}
