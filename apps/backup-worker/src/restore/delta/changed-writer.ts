import { constants, open, type FileHandle } from 'node:fs/promises';
import { Pool } from '../../artefact/pooled.js';
import { PAGE_BYTES } from '../../methods/postgres-physical/incremental-file.js';
import { PlacedWriter } from '../physical/placed-writer.js';
import { inItsFolder } from '../physical/restored-file.js';

const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;

/** Bytes that are read and compared at one time. */
const STEP = 32 * PAGE_BYTES;
/** New memory for each piece would be as much again as what is restored. */
const MEMORY = new Pool(() => Buffer.allocUnsafeSlow(STEP));

/** Reads what stands at a place before it writes there, and writes only the pages that are others. */
export class ChangedWriter extends PlacedWriter {
  /** @param onWritten told how many bytes were other ones */
  constructor(
    path: string,
    private readonly onWritten: (bytes: number) => void,
  ) {
    // A link in the place of a file would lead out of the directory.
    super(inItsFolder(path, () => open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600)));
  }

  protected override async put(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
    const memory = MEMORY.take();
    try {
      for (let at = 0; at < bytes.length; at += STEP) {
        await this.#putStep(handle, bytes.subarray(at, at + STEP), position + at, memory);
      }
    } finally {
      MEMORY.give(memory);
    }
  }

  async #putStep(handle: FileHandle, bytes: Buffer, position: number, memory: Buffer): Promise<void> {
    const there = await read(handle, memory.subarray(0, bytes.length), position);
    if (there.length === bytes.length && there.equals(bytes)) return;
    for (const [from, to] of changedRuns(bytes, there, position)) {
      await super.put(handle, bytes.subarray(from, to), position + from);
      this.onWritten(to - from);
    }
  }
}

/** @returns fewer bytes where the file ends */
async function read(handle: FileHandle, into: Buffer, position: number): Promise<Buffer> {
  let done = 0;
  while (done < into.length) {
    const { bytesRead } = await handle.read(into, done, into.length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return into.subarray(0, done);
}

/** Pages beside one another that differ, as one: from, and to before. @param position of the bytes in their file */
function* changedRuns(wanted: Buffer, there: Buffer, position: number): Generator<[number, number]> {
  let from: number | undefined;
  for (let at = 0, end = 0; at < wanted.length; at = end) {
    end = Math.min(at + PAGE_BYTES - ((position + at) % PAGE_BYTES), wanted.length);
    const same = end <= there.length && wanted.compare(there, at, end, at, end) === 0;
    if (!same) from ??= at;
    else if (from !== undefined) {
      yield [from, at];
      from = undefined;
    }
  }
  if (from !== undefined) yield [from, wanted.length];
}
