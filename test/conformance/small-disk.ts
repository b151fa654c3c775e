import { execFile } from 'node:child_process';
import { statfs, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { tempDir, type TempDir } from '@hozen/testkit';

const run = promisify(execFile);

/** A file system of its own in memory, that can be made nearly full. */
export class SmallDisk implements AsyncDisposable {
  private constructor(private readonly folder: TempDir) {}

  /** @returns why there is none: mounting wants the right to do so */
  static async mount(): Promise<SmallDisk | string> {
    const folder = await tempDir();
    try {
      await run('mount', ['-t', 'tmpfs', '-o', 'size=512m,mode=0711', 'hozen-test', folder.path]);
      return new SmallDisk(folder);
    } catch (error) {
      await folder[Symbol.asyncDispose]();
      return `no file system can be mounted here: ${error instanceof Error ? error.message.trim() : String(error)}`;
    }
  }

  get path(): string {
    return this.folder.path;
  }

  /** Fills it up, but for so many bytes. */
  async leave(bytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.path);
    await writeFile(this.folder.join('ballast'), Buffer.alloc(bavail * bsize - Math.ceil(bytes)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run('umount', [this.path]);
    await this.folder[Symbol.asyncDispose]();
  }
}
