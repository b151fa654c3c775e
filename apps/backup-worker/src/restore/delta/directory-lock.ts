import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, link, lstat, open, readFile, rename, rm, stat, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HozenError, obstaclesText } from '@hozen/contracts';
import { findProgram } from '@hozen/dbms';
import { failpoint } from '@hozen/telemetry';
import { syncDirectory, writeDurably } from '../../storage/file/durable.js';
import { isMissing } from '../../storage/storage-error.js';

/** A server makes it when it starts, and starts on nothing where it is. */
export const PID_FILE = 'postmaster.pid';
export const CONTROL = 'global/pg_control';
/** As it was when the restore began. */
export const CONTROL_BEFORE = 'global/pg_control.hozen-before';
/** As it is to be when the restore has ended. */
export const CONTROL_NEW = 'global/pg_control.hozen-new';

const MARK = /^hozen restore ([0-9a-f-]{36})/;
const WAIT_MS = 250;

/** @returns the restore that holds the directory, or did when its worker died */
export async function unfinishedIn(path: string): Promise<string | undefined> {
  try {
    return MARK.exec(await readFile(join(path, PID_FILE), 'utf8'))?.[1];
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/**
 * Holds a data directory against servers and other restores. `postmaster.pid` is ours, and names no process: every server refuses
 * it as bogus, whatever has died. From the first change on the control file is gone, too, for somebody may remove the other.
 * Among restores the kernel's lock on that file counts: a worker that is paused for longer than its lease still has it, so
 * nobody finishes behind its back what it would write over later.
 */
export class DirectoryLock implements AsyncDisposable {
  private constructor(
    private readonly path: string,
    private readonly file: FileHandle,
  ) {}

  /** Waits for a worker that still has it. @throws HozenError RESTORE_IMPOSSIBLE where a server runs; the signal's reason */
  static async take(path: string, restoreId: string, signal: AbortSignal): Promise<DirectoryLock> {
    const pidFile = join(path, PID_FILE);
    for (;;) {
      const file = (await made(pidFile, restoreId)) ?? (await found(pidFile, path));
      if (!file) continue;
      try {
        while (!(await locked(file))) await delay(WAIT_MS, undefined, { signal });
        if (await isStill(file, pidFile)) {
          await sign(file, restoreId);
          return new DirectoryLock(path, file);
        }
      } catch (error) {
        await file.close();
        throw signal.aborted ? signal.reason : error;
      }
      await file.close();
    }
  }

  /** Whether something has been changed: there is no way back then. */
  async hasBegun(): Promise<boolean> {
    return !(await isThere(join(this.path, CONTROL)));
  }

  /** Before the first change: a server finds no database here any more, even without the lock. */
  async begin(): Promise<void> {
    if (await this.hasBegun()) return;
    await rename(join(this.path, CONTROL), join(this.path, CONTROL_BEFORE));
    await syncDirectory(join(this.path, 'global'));
  }

  /** After the last one, all of them durable: a server may start. What an owner before has done of it is not done again. */
  async complete(): Promise<void> {
    const control = join(this.path, CONTROL);
    if (await isThere(join(this.path, CONTROL_NEW))) await rename(join(this.path, CONTROL_NEW), control);
    await syncDirectory(join(this.path, 'global'));
    await failpoint('restore.control-placed');
    await rm(join(this.path, CONTROL_BEFORE), { force: true });
    await this.release();
  }

  /** Lets servers start again. */
  async release(): Promise<void> {
    await unlink(join(this.path, PID_FILE));
    await syncDirectory(this.path);
  }

  /** The mark stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.file.close();
  }
}

/** It appears with all that is in it. @returns undefined where there is one */
async function made(pidFile: string, restoreId: string): Promise<FileHandle | undefined> {
  const beside = `${pidFile}.hozen-${restoreId}.${process.pid}`;
  await rm(beside, { force: true });
  await writeDurably(beside, textOf(restoreId));
  // A server of another user says what stands in it.
  await chmod(beside, 0o644);
  try {
    await link(beside, pidFile);
    return await open(pidFile, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return undefined;
  } finally {
    await rm(beside, { force: true });
  }
}

/** @returns undefined where it has gone meanwhile @throws HozenError RESTORE_IMPOSSIBLE where it is a server's */
async function found(pidFile: string, path: string): Promise<FileHandle | undefined> {
  try {
    const file = await open(pidFile, 'r+');
    if (MARK.test(await file.readFile('utf8'))) return file;
    await file.close();
    throw new HozenError('RESTORE_IMPOSSIBLE', {
      target: path,
      what: obstaclesText('en', [{ kind: 'server-running', what: pidFile }]),
    });
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function sign(file: FileHandle, restoreId: string): Promise<void> {
  const text = textOf(restoreId);
  // Of one length: no server ever finds half of it.
  await file.write(text, 0);
  await file.sync();
}

function textOf(restoreId: string): string {
  return `hozen restore ${restoreId} is not finished: no server may start here. Restore once more with --delta, or remove the directory.\n`;
}

/** The lock is that of the open file, whoever asks for it: it goes with our process. */
async function locked(file: FileHandle): Promise<boolean> {
  const args = ['--exclusive', '--nonblock', '3'];
  const child = spawn(findProgram('flock') ?? '/usr/bin/flock', args, {
    stdio: ['ignore', 'ignore', 'ignore', file.fd],
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code === 0) return true;
  if (code === 1) return false;
  throw new HozenError('TOOL_FAILED', { tool: 'flock', exit: String(code) });
}

async function isStill(file: FileHandle, path: string): Promise<boolean> {
  const [mine, there] = [await file.stat(), await stat(path).catch(() => undefined)];
  return there?.ino === mine.ino && there.dev === mine.dev;
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
