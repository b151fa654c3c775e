import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HozenError } from '@hozen/contracts';
import { findProgram, toolOutput } from '@hozen/dbms';
import { syncDirectory } from './durable.js';

/** Of `renameat2`, by the kind of machine: Linux numbers its calls in each as it likes. */
const NUMBERS: Readonly<Record<string, number>> = { x64: 316, arm64: 276, riscv64: 276, ppc64: 357, s390x: 347 };

/** Node knows no call for it, and `mv --exchange` is younger than most systems. AT_FDCWD is -100, RENAME_EXCHANGE is 2. */
const SCRIPT = 'my ($n, $a, $b) = @ARGV; syscall($n + 0, -100, $a, -100, $b, 2) == 0 or die "renameat2: $!\\n"';

/**
 * Lets two files or folders of one file system change names, in one step: at no moment is there nothing under either name.
 * @throws HozenError TOOL_MISSING, TOOL_FAILED where the file system cannot do it
 */
export async function exchangeNames(one: string, other: string): Promise<void> {
  const [number, path] = [NUMBERS[process.arch], findProgram('perl')];
  if (number === undefined || path === undefined) throw new HozenError('TOOL_MISSING', { tool: 'perl', major: '' });
  await toolOutput({ path, args: ['-e', SCRIPT, String(number), one, other], spanName: 'exchange names' });
}

/**
 * That names can be exchanged in a folder.
 * @throws HozenError as {@link exchangeNames}
 */
export async function ensureExchange(folder: string): Promise<void> {
  const trial = await mkdtemp(join(folder, '.hozen-exchange-'));
  try {
    const [one, other] = [join(trial, 'one'), join(trial, 'other')];
    for (const file of [one, other]) await writeFile(file, '');
    await exchangeNames(one, other);
  } finally {
    await rm(trial, { recursive: true, force: true });
  }
}

/** Gives a folder another name, durably. @throws what `rename` does */
export async function renameDurably(from: string, to: string, folder: string): Promise<void> {
  await rename(from, to);
  await syncDirectory(folder);
}
