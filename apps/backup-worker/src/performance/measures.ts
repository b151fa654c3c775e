import { PERFORMANCE_MEASURES, type MeasureDeviation, type PerformanceMeasure } from '@hozen/contracts';

/** What a server counts since it was started, and what it shows at one moment. */
export interface Counters {
  /** Seconds since 1970, by the server's clock: of the reading, and of its start. */
  at: number;
  startedAt: number;
  commits: number;
  blocksRead: number;
  blocksHit: number;
  readMs: number;
  tempBytes: number;
  deadlocks: number;
  connections: number;
  roundTripMs: number;
  /** Of pg_stat_statements, where it is there. */
  statements?: { calls: number; ms: number };
}

export type Measures = Partial<Record<PerformanceMeasure, number>>;

/** Fewer blocks say nothing of a cache. */
const FEWEST_BLOCKS = 1_000;

/** Differences that are smaller mean nothing, however large a part they are: 0.2 ms instead of 0.1 is noise. */
const FLOORS: Readonly<Record<PerformanceMeasure, number>> = {
  roundTripMs: 1,
  statementMs: 0.5,
  commitsPerSecond: 1,
  readMsPerSecond: 20,
  cacheHitPercent: 2,
  tempBytesPerSecond: 1_000_000,
  connections: 3,
  deadlocksPerHour: 1,
};

/**
 * @param before the reading before; rates are left out where there is none, or where counters began anew between the two
 * @param longestSeconds readings that are further apart are of different times
 */
export function measuresOf(now: Counters, before: Counters | undefined, longestSeconds: number): Measures {
  const { roundTripMs, connections } = now;
  const seconds = before ? now.at - before.at : 0;
  if (!before || seconds <= 0 || seconds > longestSeconds || beganAnew(now, before))
    return { roundTripMs, connections };
  const per = (name: 'commits' | 'readMs' | 'tempBytes' | 'deadlocks') => (now[name] - before[name]) / seconds;
  const read = now.blocksRead - before.blocksRead;
  const blocks = read + now.blocksHit - before.blocksHit;
  const calls = (now.statements?.calls ?? 0) - (before.statements?.calls ?? 0);
  return {
    roundTripMs,
    connections,
    commitsPerSecond: per('commits'),
    readMsPerSecond: per('readMs'),
    tempBytesPerSecond: per('tempBytes'),
    deadlocksPerHour: per('deadlocks') * 3600,
    ...(blocks >= FEWEST_BLOCKS ? { cacheHitPercent: (100 * (blocks - read)) / blocks } : {}),
    ...(now.statements && before.statements && calls > 0
      ? { statementMs: (now.statements.ms - before.statements.ms) / calls }
      : {}),
  };
}

/** A restart, a reset of the statistics, or a database that is gone with what was counted of it. */
function beganAnew(now: Counters, before: Counters): boolean {
  const names = ['commits', 'blocksRead', 'blocksHit', 'readMs', 'tempBytes', 'deadlocks'] as const;
  const { statements } = now;
  const earlier = before.statements;
  return (
    now.startedAt !== before.startedAt ||
    names.some((name) => now[name] < before[name]) ||
    (statements !== undefined &&
      earlier !== undefined &&
      (statements.calls < earlier.calls || statements.ms < earlier.ms))
  );
}

/** @returns what lies further from the normal than it may */
export function deviationsOf(now: Measures, normal: Measures, thresholdPercent: number): MeasureDeviation[] {
  return PERFORMANCE_MEASURES.flatMap((measure) => {
    const [is, was] = [now[measure], normal[measure]];
    if (is === undefined || was === undefined) return [];
    const allowed = Math.max(FLOORS[measure], (Math.abs(was) * thresholdPercent) / 100);
    return Math.abs(is - was) > allowed ? [{ measure, normal: was, now: is }] : [];
  });
}
