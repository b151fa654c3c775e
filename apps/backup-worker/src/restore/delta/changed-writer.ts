import { constants, type FileHandle, open } from 'node:fs/promises';
import { PAGE_BYTES } from '../../methods/postgres-physical/incremental-file.js';
import { inItsFolder, PlacedWriter } from '../physical/restored-file.js';

const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;

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
    const there = await read(handle, bytes.length, position);
    if (there.length === bytes.length && there.equals(bytes)) return;
    for (const [from, to] of changedRuns(bytes, there)) {
      await super.put(handle, bytes.subarray(from, to), position + from);
      this.onWritten(to - from);
    }
  }
}

/** @returns fewer bytes where the file ends */
async function read(handle: FileHandle, bytes: number, position: number): Promise<Buffer> {
  const into = Buffer.allocUnsafe(bytes);
  let done = 0;
  while (done < bytes) {
    const { bytesRead } = await handle.read(into, done, bytes - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return into.subarray(0, done);
}

/** Pages beside one another that differ, as one: from, and to before. */
function* changedRuns(wanted: Buffer, there: Buffer): Generator<[number, number]> {
  let from: number | undefined;
  for (let at = 0; at < wanted.length; at += PAGE_BYTES) {
    const end = Math.min(at + PAGE_BYTES, wanted.length);
    const same = end <= there.length && wanted.compare(there, at, end, at, end) === 0;
    if (!same) from ??= at;
    else if (from !== undefined) {
      yield [from, at];
      from = undefined;
    }
  }
  if (from !== undefined) yield [from, wanted.length];
}
