import { performance } from 'node:perf_hooks';
import type { ProgressView, RunPhase } from '@hozen/contracts';

/** What a phase tells of itself; the meter adds rate, per cent and remaining time. */
export type ProgressUpdate = { phase: RunPhase } & Partial<Pick<ProgressView, 'bytes' | 'expectedBytes' | 'item'>>;

/** Turns the engine's updates into what people want to see. Rates are averages since the phase began. */
export class ProgressMeter {
  private latest: ProgressUpdate | undefined;
  private phaseStartedAt = 0;

  update(update: ProgressUpdate): void {
    if (update.phase !== this.latest?.phase) {
      this.phaseStartedAt = performance.now();
      this.latest = update;
      return;
    }
    this.latest = { ...this.latest, ...update };
  }

  current(): ProgressView | undefined {
    if (!this.latest) return undefined;
    const { phase, bytes = 0, expectedBytes, item } = this.latest;
    const seconds = (performance.now() - this.phaseStartedAt) / 1000;
    const bytesPerSecond = seconds > 0 ? bytes / seconds : 0;
    const known = expectedBytes !== undefined && expectedBytes > 0;
    return {
      phase,
      bytes,
      bytesPerSecond: Math.round(bytesPerSecond),
      ...(item === undefined ? {} : { item }),
      ...(known ? { expectedBytes, percent: Math.min(100, Math.round((bytes / expectedBytes) * 1000) / 10) } : {}),
      ...(known && bytesPerSecond > 0
        ? { remainingSeconds: Math.max(0, Math.round((expectedBytes - bytes) / bytesPerSecond)) }
        : {}),
    };
  }
}
