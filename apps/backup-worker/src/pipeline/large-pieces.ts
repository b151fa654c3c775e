import { existsSync } from 'node:fs';
import type { ToolEnvironment } from '@hozen/dbms';

/** What coreutils' stdbuf preloads; where it is depends on the distribution. */
const LIBRARIES = ['/usr/libexec/coreutils/libstdbuf.so', '/usr/lib/coreutils/libstdbuf.so'];

/** As much as a pipe holds. */
const BYTES = 65_536;

let library: string | null | undefined;

/**
 * Lets a program read and write in large pieces. pg_dump writes 4 KiB at a time into a pipe; at some 100 MB/s and several
 * processes the system calls alone, on both sides, cost as much as reading the table. Without coreutils it is slower.
 */
export function inLargePieces(env: ToolEnvironment): ToolEnvironment {
  library ??= LIBRARIES.find((path) => existsSync(path)) ?? null;
  if (library === null) return env;
  return env.with({ LD_PRELOAD: library, _STDBUF_I: String(BYTES), _STDBUF_O: String(BYTES) });
}
