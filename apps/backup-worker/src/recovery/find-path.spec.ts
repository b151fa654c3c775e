import { describe, expect, it } from 'vitest';
import { findPath, recoverable } from './find-path.js';
import { parseInstant } from './instant.js';
import type { CopyRange, LogRange, Ranges } from './ranges.js';

const at = (hour: number) => `2026-01-02T${String(hour).padStart(2, '0')}:00:00.000000Z`;

/** A copy that is made at an hour; each hour has 100 of the log. */
function copy(hour: number): CopyRange {
  const where = { system: 's', timeline: 1, endLsn: BigInt(hour * 100), gtids: [], beginsAt: undefined };
  return { runId: `copy-${hour}`, at: parseInstant(at(hour)), ...where };
}

/** The log of the hour before. */
function log(hour: number, bad = false): LogRange {
  return {
    runId: `log-${hour}`,
    system: 's',
    firstTimeline: 1,
    timeline: 1,
    startLsn: BigInt(hour * 100 - 100),
    endLsn: BigInt(hour * 100),
    upTo: parseInstant(at(hour)),
    lastTransactionAt: undefined,
    restorePoints: [],
    tablespaces: [],
    segmentBytes: 1,
    beginsAt: undefined,
    gtids: [],
    follows: `log-${hour - 1}`,
    bad,
    stored: {
      path: `/log-${hour}`,
      sha256: '',
      bytes: 1,
      storage: null,
      encryption: null,
      signing: null,
      walArchive: null,
    },
  };
}

function found(ranges: Ranges, point: Parameters<typeof findPath>[1]): string[] | undefined {
  const path = findPath(ranges, point);
  return path && [path.copy.runId, ...path.logs.map(({ runId }) => runId)];
}

describe('the way to a point', () => {
  const copies = [copy(1), copy(4)];
  const sound = { copies, logs: [1, 2, 3, 4, 5, 6].map((hour) => log(hour)) };
  const broken = { copies, logs: [1, 2, 3, 4, 5, 6].map((hour) => log(hour, hour === 3)) };

  it('begins at the newest copy before it', () => {
    expect(found(sound, { time: at(5) })).toEqual(['copy-4', 'log-4', 'log-5']);
    expect(found(sound, { time: at(3) })).toEqual(['copy-1', 'log-1', 'log-2', 'log-3']);
  });

  it('does not go through a log that is bad, and goes on after it from a newer copy', () => {
    expect(found(broken, { time: at(2) })).toEqual(['copy-1', 'log-1', 'log-2']);
    expect(found(broken, { time: at(3) })).toBeUndefined();
    expect(found(broken, { time: at(6) })).toEqual(['copy-4', 'log-4', 'log-5', 'log-6']);
    expect(recoverable(broken).map(({ from, upTo }) => [from, upTo])).toEqual([
      [at(1), at(2)],
      [at(4), at(6)],
    ]);
  });

  it('to the latest moment does not take the last log before a bad one for the end', () => {
    expect(found(sound, { latest: true })).toEqual(['copy-4', 'log-4', 'log-5', 'log-6']);
    const end = { copies, logs: [1, 2, 3, 4, 5, 6].map((hour) => log(hour, hour === 6)) };
    expect(found(end, { latest: true })).toBeUndefined();
    expect(found(end, { time: at(5) })).toEqual(['copy-4', 'log-4', 'log-5']);
  });
});
