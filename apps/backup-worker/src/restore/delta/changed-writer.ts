import { constants, open, type FileHandle } from 'node:fs/promises';
import type { Pool } from '../../artefact/pooled.js';
import { PAGE_BYTES } from '../../methods/postgres-physical/incremental-file.js';
import { DirectReader, READ_STEP } from '../physical/direct-reader.js';
import { PlacedWriter } from '../physical/placed-writer.js';
import { inItsFolder } from '../physical/restored-file.js';

const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;

/** Reads what stands at a place before it writes there, and writes only the pages that are others. */
export class ChangedWriter extends PlacedWriter {
  #reading: Promise<DirectReader> | undefined;

  /**
   * @param memory of loadReadMemory
   * @param onWritten told how many bytes were other ones
   */
  constructor(
    private readonly path: string,
    private readonly memory: Pool<Buffer>,
    private readonly onWritten: (bytes: number) => void,
  ) {
    // A link in the place of a file would lead out of the directory.
    super(inItsFolder(path, () => open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600)));
  }

  override async end(size?: number): Promise<void> {
    try {
      await super.end(size);
    } finally {
      await (await this.#reading?.catch(() => undefined))?.[Symbol.asyncDispose]();
    }
  }

  protected override async put(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
    const memory = this.memory.take();
    try {
      for (let at = 0; at < bytes.length; at += READ_STEP) {
        await this.#putStep(handle, bytes.subarray(at, at + READ_STEP), position + at, memory);
      }
    } finally {
      this.memory.give(memory);
    }
  }

  async #putStep(handle: FileHandle, bytes: Buffer, position: number, memory: Buffer): Promise<void> {
    const reader = await (this.#reading ??= DirectReader.open(this.path));
    const there = await reader.read(memory, position, bytes.length);
    if (there.length === bytes.length && there.equals(bytes)) return;
    for (const [from, to] of changedRuns(bytes, there, position)) {
      await super.put(handle, bytes.subarray(from, to), position + from);
      this.onWritten(to - from);
    }
  }
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
