import { readFile } from 'node:fs/promises';

/** What /proc counts in, on every Linux that Node runs on: USER_HZ, proc(5). */
const TICK_MS = 10;

/** Milliseconds of processor time that this process took so far, with all programs below it, gone or running. */
export async function cpuTimeMs(): Promise<number> {
  const own = process.cpuUsage();
  return (own.user + own.system) / 1_000 + (await waitedFor('self')) + (await below(process.pid));
}

async function below(pid: number): Promise<number> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const each = children
    .split(' ')
    .filter(Boolean)
    .map(async (child) => (await taken(child)) + (await below(Number(child))));
  return (await Promise.all(each)).reduce((sum, milliseconds) => sum + milliseconds, 0);
}

/** A process, and what it has waited for. */
async function taken(pid: string): Promise<number> {
  const [user, system, childrenUser, childrenSystem] = await times(pid);
  return user + system + childrenUser + childrenSystem;
}

async function waitedFor(pid: string): Promise<number> {
  const [, , user, system] = await times(pid);
  return user + system;
}

/** Fields 14 to 17 of proc_pid_stat(5); a name in parentheses may hold anything. */
async function times(pid: string): Promise<[number, number, number, number]> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const at = (field: number) => Number(fields[field - 3] ?? 0) * TICK_MS;
  return [at(14), at(15), at(16), at(17)];
}
