import { inSpan } from '@hozen/telemetry';
import { corrupt, damaged } from '../artefact/artefact-file.js';
import type { AttemptContext } from '../job.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { SequentialReader } from '../storage/sequential-reader.js';

const PIECE = 1024 * 1024;

/**
 * Checks the file of an artefact as it lies in storage, without looking into it: its size, and the SHA-256.
 * @throws HozenError ARTEFACT_MISSING, ARTEFACT_CORRUPT, STORAGE_IO
 */
export async function checkFile(
  { path, bytes, sha256, storage }: CommittedArtefact,
  context: Pick<AttemptContext, 'signal' | 'progress'>,
): Promise<void> {
  await inSpan('check file of artefact', { attributes: { 'file.path': path, 'file.size': bytes } }, async () => {
    await using source = await storage.source(path, 'any');
    if (source.size !== bytes) throw corrupt(path, `it has ${source.size} bytes instead of ${bytes}`);
    await using reader = await SequentialReader.open(storage, path);
    const piece = Buffer.allocUnsafeSlow(PIECE);
    for (let done = 0; done < bytes;) {
      context.signal.throwIfAborted();
      const next = piece.subarray(0, Math.min(PIECE, bytes - done));
      await readNext(reader, path, next);
      done += next.length;
      context.progress({ phase: 'verifying', bytes: done, expectedBytes: bytes });
    }
    if (reader.digest() !== sha256) throw corrupt(path, 'the SHA-256 of the file is wrong');
  });
}

async function readNext(reader: SequentialReader, path: string, into: Buffer): Promise<void> {
  try {
    await reader.read(into);
  } catch (error) {
    throw damaged(path, 'the file', error);
  }
}
