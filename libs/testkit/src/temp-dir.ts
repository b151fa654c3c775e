import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of the test's own, gone when the test ends; HOZEN_KEEP=1 keeps it for looking into. */
export class TempDir implements AsyncDisposable {
  constructor(readonly path: string) {}

  join(...parts: string[]): string {
    return join(this.path, ...parts);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!keepsEverything()) await rm(this.path, { recursive: true, force: true });
  }
}

export async function tempDir(): Promise<TempDir> {
  const path = await mkdtemp(join(tmpdir(), 'hz-test-'));
  // PostgreSQL does not run as root: its user must be able to pass through to the folders below.
  await chmod(path, 0o711);
  return new TempDir(path);
}

export function keepsEverything(): boolean {
  return process.env['HOZEN_KEEP'] === '1';
}
