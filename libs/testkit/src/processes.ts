import { readdir, readFile } from 'node:fs/promises';

export interface ProcessInfo {
  pid: number;
  /** Arguments, separated by spaces. */
  command: string;
}

/**
 * The processes whose command line holds `text`, for asserting that nothing is left behind: give the path of the test's
 * own folder. Zombies have no command line and do not count; neither do we.
 */
export async function processesMatching(text: string): Promise<ProcessInfo[]> {
  const entries = await readdir('/proc');
  const pids = entries.filter((name) => /^\d+$/.test(name)).map(Number);
  const processes = await Promise.all(pids.map(async (pid) => ({ pid, command: await commandOf(pid) })));
  return processes.filter(({ pid, command }) => pid !== process.pid && command.includes(text));
}

async function commandOf(pid: number): Promise<string> {
  // The process may be gone by now.
  const bytes = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return bytes.replaceAll('\0', ' ').trim();
}
