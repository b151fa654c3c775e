import type { RunView } from '@hozen/contracts';
import type { TestPostgres } from '@hozen/testkit';
import type { Stack } from '../src/stack.js';
import { requested } from './ended.js';
import { cpuSeconds, peakMemoryMb, resetPeakMemory, type Measured } from './measure.js';

/** A backup the whole way through the service: published, claimed, made, committed, read back. */
export async function timedBackup(
  stack: Stack,
  target: TestPostgres,
  request: { config: string; verify: boolean; level?: string },
): Promise<{ measured: Measured; run: RunView }> {
  const worker = stack.service('backup-worker');
  await resetPeakMemory(worker.pid);
  const cpuBefore = await cpuSeconds(worker.pid, target.pid ?? 0);
  const startedAt = performance.now();
  const requestId = await requested(stack, 'backup', request);
  const wall = (performance.now() - startedAt) / 1000;
  const run = await stack.run(requestId);
  if (run.state !== 'completed' || !run.artefact) throw new Error(JSON.stringify(run.error));
  const cpu = (await cpuSeconds(worker.pid, target.pid ?? 0)) - cpuBefore;
  const peak = await peakMemoryMb(worker.pid);
  return { run, measured: { wall, cpu, peak, size: run.artefact.bytes / 1e6 } };
}
