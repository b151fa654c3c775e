import { readdir, readFile, writeFile } from 'node:fs/promises';

const TICKS_PER_SECOND = 100;

/** What one piece of work took. */
export interface Measured {
  /** Seconds. */
  wall: number;
  /** Seconds, of the server too. */
  cpu: number;
  /** Largest resident memory, MB (10^6 bytes). */
  peak: number;
  /** Of what it left, MB (10^6 bytes). */
  size: number;
}

/** CPU seconds of a process tree so far: the living ones, and what they have reaped. */
export async function cpuSeconds(...roots: number[]): Promise<number> {
  const stats = await processTable();
  const wanted = new Set(roots);
  // Children are listed after their parents often, not always: go on until nothing is added.
  for (let before = -1; before !== wanted.size;) {
    before = wanted.size;
    for (const { pid, parent } of stats) if (wanted.has(parent)) wanted.add(pid);
  }
  const ticks = stats.filter(({ pid }) => wanted.has(pid)).reduce((sum, each) => sum + each.ticks, 0);
  return ticks / TICKS_PER_SECOND;
}

/** Starts the count of a process's peak memory anew. */
export async function resetPeakMemory(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5');
}

/** Peak resident memory in MB (10^6 bytes) since {@link resetPeakMemory}. */
export async function peakMemoryMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return (Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024) / 1e6;
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

/** The value that `share` (0 to 1) of all values do not exceed. */
export function percentile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

interface ProcessRow {
  pid: number;
  parent: number;
  /** User and system time, own and of reaped children. */
  ticks: number;
}

async function processTable(): Promise<ProcessRow[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const rows = await Promise.all(
    pids.map(async (pid): Promise<ProcessRow | undefined> => {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
      if (stat === undefined) return undefined;
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
      return { pid: Number(pid), parent: Number(fields[1]), ticks };
    }),
  );
  return rows.filter((row) => row !== undefined);
}
