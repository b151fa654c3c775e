import type { MeasureDeviation, WatchVerdict } from '@hozen/contracts';
import type { Measures } from './measures.js';

/** What is normal for a server: over all, and at each hour of the day (UTC) where enough is known of it. */
export interface Normal {
  always: Measures;
  /** By the hour, `0` to `23`. */
  hours: Record<string, Measures>;
}

/** A row of `performance_watches`. */
export interface WatchRow {
  restore_id: string;
  target_id: string;
  normal: Normal;
  threshold_percent: number;
  hours: number;
  state: 'recorded' | 'watching' | 'ended';
  begins_at: Date | null;
  ends_at: Date | null;
  /** What is outside now. */
  outside: MeasureDeviation[];
  /** Whether anything ever was. */
  deviated: boolean;
  verdict: WatchVerdict | null;
}
