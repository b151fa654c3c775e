import { constants, lstat, open } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32cText, loadCrc32c } from '../artefact/crc32c.js';
import type { ListedFile } from '../methods/postgres-physical/backup-manifest.js';
import { wholePath } from '../methods/postgres-physical/incremental-file.js';
import type { FileSum } from '../restore/physical/restored-file.js';
import { isMissing } from '../storage/storage-error.js';

const PIECE = 1024 * 1024;
/** Files that are read at one time. */
const LANES = 4;

export interface FilesComparison {
  directory: string;
  files: readonly ListedFile[];
  /** Paths of files of which bytes may differ that mean nothing: only their sizes are compared. */
  sizeOnly: ReadonlySet<string>;
  /** What is known of files already, from writing them: they are not read again, only their sizes are looked at. */
  known?: ReadonlyMap<string, FileSum>;
  signal: AbortSignal;
  onBytes: (bytes: number, item: string) => void;
  /** Where a file stands that has not got its name yet. */
  standsAt?: (path: string) => string;
}

/** Compares restored files with the list that the server made of its own. @returns what differs */
export async function compareFiles(comparison: FilesComparison): Promise<string[]> {
  return (await differencesIn(comparison)).map(({ what }) => what);
}

/** @returns the paths of those that are not as the list says */
export async function filesThatDiffer(comparison: Omit<FilesComparison, 'sizeOnly'>): Promise<string[]> {
  return (await differencesIn({ ...comparison, sizeOnly: new Set() })).map(({ path }) => path);
}

async function differencesIn(comparison: FilesComparison): Promise<{ path: string; what: string }[]> {
  const crc32c = await loadCrc32c();
  const { standsAt = (path) => path } = comparison;
  const waiting = comparison.files.filter(({ path }) => path === wholePath(path));
  const differences: { path: string; what: string }[] = [];
  const lanes = Array.from({ length: LANES }, async () => {
    const buffer = Buffer.allocUnsafeSlow(PIECE);
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const what = await compareFile(file);
      if (what !== undefined) differences.push({ path: file.path, what });
    }

    async function compareFile({ path, bytes, crc32c: expected }: ListedFile): Promise<string | undefined> {
      comparison.signal.throwIfAborted();
      const file = join(comparison.directory, standsAt(path));
      try {
        const facts = await lstat(file);
        if (!facts.isFile()) return `${path} is no file`;
        const { size } = facts;
        if (size !== bytes) return `${path} has ${size} bytes instead of ${bytes}`;
        if (expected === undefined || comparison.sizeOnly.has(path)) return undefined;
        const found = crc32cText(knownOf(path, bytes) ?? (await sumOf(file, path)));
        return found === expected ? undefined : `the checksum of ${path} is wrong`;
      } catch (error) {
        if (isMissing(error)) return `${path} is missing`;
        throw error;
      }
    }

    function knownOf(path: string, bytes: number): number | undefined {
      const known = comparison.known?.get(path);
      // What came must be all of it.
      if (known?.bytes !== bytes) return undefined;
      comparison.onBytes(bytes, path);
      return known.crc32c;
    }

    async function sumOf(file: string, path: string): Promise<number> {
      await using handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
      let crc = 0;
      for (;;) {
        comparison.signal.throwIfAborted();
        const { bytesRead } = await handle.read(buffer, 0, PIECE);
        if (bytesRead === 0) return crc;
        crc = crc32c(buffer.subarray(0, bytesRead), crc);
        comparison.onBytes(bytesRead, path);
      }
    }
  });
  await Promise.allSettled(lanes);
  await Promise.all(lanes);
  return differences;
}
