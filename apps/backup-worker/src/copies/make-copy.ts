import { basename } from 'node:path';
import { HozenError, type BackupTrigger, type StorageSpec } from '@hozen/contracts';
import { failpoint, inSpan } from '@hozen/telemetry';
import { readExactly } from '../artefact/byte-source.js';
import { corrupt } from '../artefact/artefact-file.js';
import { limited } from '../resources/limited-sink.js';
import { RateLimit } from '../resources/rate-limit.js';
import { allKinds, besides, SIDE_KINDS, type ArtefactOwner } from '../storage/artefact-paths.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { readManifest } from '../storage/read-manifest.js';
import { SequentialReader } from '../storage/sequential-reader.js';
import { storageOf } from '../storage/storage-of.js';
import type { ArtefactTexts, Fence } from '../storage/storage.js';

const PIECE = 4 * 1024 * 1024;

export interface CopyWork extends Fence {
  artefact: CommittedArtefact;
  trigger: BackupTrigger;
  to: StorageSpec;
  /** Data of the copy: same name, other place. */
  path: string;
  /** Higher than that of the run, and of every earlier try. */
  epoch: number;
  signal: AbortSignal;
  /** Bytes a second, at most. */
  writeBytesPerSecond?: number | undefined;
}

/**
 * Copies an artefact as it is, byte by byte and with all that stands beside it, its manifest last. What stands there already
 * is left, where it is the same; what the run made there before the proven one is replaced.
 * @throws HozenError ARTEFACT_CORRUPT when the first one is not what its manifest says; STORAGE_CONFLICT, LEASE_LOST, of the
 * STORAGE_ and DISK_ codes
 */
export async function makeCopy(work: CopyWork): Promise<void> {
  const { artefact, to, path } = work;
  await inSpan('make copy', { attributes: { 'file.path': path, 'file.size': artefact.bytes } }, async () => {
    const storage = storageOf(to);
    const standing = await readManifest(storage, path, undefined);
    const texts = await textsOf(artefact);
    if (standing?.runId === artefact.manifest.runId) {
      if (standing.artefact.sha256 === artefact.sha256) return;
      // The run made it before the one that was proven, and could not reach it to take it back.
      await storage.discard(ownerOf(work, texts), standing.epoch, work);
    }
    const { writeBytesPerSecond, signal } = work;
    const limit = writeBytesPerSecond === undefined ? undefined : new RateLimit(writeBytesPerSecond, signal);
    const sink = limited(await storage.open(ownerOf(work, texts), artefact.bytes), limit);
    try {
      await pour(work, (bytes) => sink.write(bytes));
      const { sha256 } = await sink.finish();
      if (sha256 !== artefact.sha256) throw corrupt(artefact.path, 'the SHA-256 of the file is wrong');
      await failpoint('copy.before-publish');
      await sink.publish(texts, work);
    } catch (error) {
      await sink.abort();
      throw error;
    }
  });
}

async function pour({ artefact, signal }: CopyWork, write: (bytes: Buffer) => Promise<void>): Promise<void> {
  await using reader = await SequentialReader.open(artefact.storage, artefact.path);
  const buffer = Buffer.allocUnsafeSlow(Math.min(PIECE, artefact.bytes));
  for (let done = 0; done < artefact.bytes;) {
    signal.throwIfAborted();
    const piece = buffer.subarray(0, Math.min(PIECE, artefact.bytes - done));
    await reader.read(piece).catch((error: unknown) => {
      throw error instanceof RangeError ? corrupt(artefact.path, error.message, error) : error;
    });
    await write(piece);
    done += piece.length;
  }
}

/** All that stands beside the data, as it stands there. */
async function textsOf({ path, storage }: CommittedArtefact): Promise<ArtefactTexts> {
  const paths = besides(path);
  const manifest = await storage.readText(paths.manifest);
  if (manifest === undefined) throw new HozenError('ARTEFACT_MISSING', { path: paths.manifest });
  const texts: ArtefactTexts = { manifest };
  for (const kind of SIDE_KINDS) {
    const bytes = await bytesOf(storage, paths[kind]);
    if (bytes) texts[kind] = bytes;
  }
  return texts;
}

async function bytesOf(storage: CommittedArtefact['storage'], path: string): Promise<Buffer | undefined> {
  try {
    await using source = await storage.source(path, 'any');
    return await readExactly(source, 0, source.size);
  } catch (error) {
    if (error instanceof HozenError && error.code === 'ARTEFACT_MISSING') return undefined;
    throw error;
  }
}

/** It keeps its name; whose it is now, the epoch tells. */
function ownerOf({ artefact, trigger, epoch }: CopyWork, texts: ArtefactTexts): ArtefactOwner {
  const kinds = allKinds(SIDE_KINDS.filter((kind) => texts[kind] !== undefined));
  return { runId: artefact.manifest.runId, epoch, trigger, fileName: basename(artefact.path), kinds };
}
