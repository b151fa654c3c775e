import type { BackupLevel } from '@hozen/contracts';
import { describe, expect, it } from 'vitest';
import { decide, type Decision, type KeptArtefact, type Rules } from './decide.js';
import { policyOf } from './policy.js';

const DAY = 86_400_000;
const NOW = new Date('2026-11-26T12:00:00Z');

function artefact(daysAgo: number, change: Partial<KeptArtefact> = {}): KeptArtefact {
  const startedAt = new Date(NOW.getTime() - daysAgo * DAY);
  return {
    runId: `${change.level ?? 'full'}-${daysAgo}`,
    level: 'full',
    startedAt,
    finishedAt: startedAt,
    proven: true,
    parentRunId: undefined,
    leadsOnFrom: undefined,
    damaged: false,
    bad: false,
    unread: false,
    days: undefined,
    held: false,
    lockedUntil: undefined,
    ...change,
  };
}

function rules(config: Parameters<typeof policyOf>[0]): Rules {
  return {
    policyOf: (level) => policyOf(config, level),
    minimumProven: config.retention?.minimumProven ?? 1,
    timeZone: 'UTC',
  };
}

const kept = (decisions: Decision[]) => decisions.filter((each) => each.keep).map((each) => each.artefact.runId);
const reasonsOf = (decisions: Decision[], runId: string) =>
  decisions.find((each) => each.artefact.runId === runId)?.reasons.map((reason) => reason.kind);

describe('retention', () => {
  it('keeps what is younger than its days', () => {
    const decisions = decide([artefact(1), artefact(29), artefact(31)], rules({ retentionDays: 30 }), NOW);
    expect(kept(decisions)).toEqual(['full-1', 'full-29']);
    expect(reasonsOf(decisions, 'full-31')).toEqual(['old']);
  });

  it('keeps what is older than the newest where that is bad, and says so', () => {
    const bad = artefact(1, { proven: false, bad: true });
    const before = decide([bad, artefact(400)], rules({ retentionDays: 30 }), NOW);
    expect(reasonsOf(before, 'full-400')).toEqual(['floor', 'bad']);
    const after = decide([artefact(0), bad, artefact(400)], rules({ retentionDays: 30 }), NOW);
    expect(kept(after)).toEqual(['full-0', 'full-1']);
  });

  it('keeps no more than its count, the oldest go first', () => {
    const decisions = decide(
      [artefact(3), artefact(1), artefact(2)],
      rules({ retentionDays: 30, retentionCount: 2 }),
      NOW,
    );
    expect(kept(decisions)).toEqual(['full-1', 'full-2']);
    expect(reasonsOf(decisions, 'full-3')).toEqual(['surplus']);
  });

  it('lets no bad backup push out a good one', () => {
    const bad = [1, 2, 3].map((ago) => artefact(ago, { proven: false }));
    const decisions = decide([...bad, artefact(4)], rules({ retentionDays: 30, retentionCount: 1 }), NOW);
    expect(kept(decisions)).toContain('full-4');
  });

  it('lets nothing go that was found in storage and nobody has read, and counts it as no proven one', () => {
    const found = [400, 500].map((ago) => artefact(ago, { proven: false, unread: true }));
    const before = decide([...found, artefact(600), artefact(700)], rules({ retentionDays: 30 }), NOW);
    expect(reasonsOf(before, 'full-400')).toEqual(['unread']);
    expect(reasonsOf(before, 'full-500')).toEqual(['unread']);
    expect(reasonsOf(before, 'full-600')).toEqual(['floor']);
    expect(reasonsOf(before, 'full-700')).toEqual(['old']);
  });

  it('lets nothing go while the newest backup is one of damaged data', () => {
    const damaged = artefact(1, { proven: false, damaged: true });
    const before = decide([damaged, artefact(400), artefact(500)], rules({ retentionDays: 30 }), NOW);
    expect(kept(before)).toEqual(['full-1', 'full-400', 'full-500']);
    expect(reasonsOf(before, 'full-500')).toEqual(['damage']);
    const after = decide([artefact(0), damaged, artefact(400), artefact(500)], rules({ retentionDays: 30 }), NOW);
    expect(kept(after)).not.toContain('full-500');
  });

  it('never deletes the last proven ones, however old', () => {
    const decisions = decide(
      [artefact(400), artefact(500), artefact(600), artefact(1, { proven: false })],
      rules({ retentionDays: 30, retention: { minimumProven: 2 } }),
      NOW,
    );
    expect(kept(decisions)).toEqual(['full-1', 'full-400', 'full-500']);
    expect(reasonsOf(decisions, 'full-400')).toEqual(['floor']);
  });

  it('keeps the parents of what it keeps, and says for whom', () => {
    const chain = [
      artefact(40),
      artefact(20, { level: 'incremental', runId: 'i1', parentRunId: 'full-40' }),
      artefact(5, { level: 'incremental', runId: 'i2', parentRunId: 'i1' }),
      artefact(3),
    ];
    const decisions = decide(chain, rules({ retentionDays: 7 }), NOW);
    expect(kept(decisions)).toEqual(['full-3', 'i2', 'i1', 'full-40']);
    expect(decisions.find((each) => each.artefact.runId === 'full-40')?.reasons).toEqual([
      { kind: 'needed', by: 'i2' },
    ]);
  });

  it('keeps an old log as long as a point that is promised is reached by it', () => {
    const log = (age: number, leadsOnFrom?: string) =>
      artefact(age, { level: 'transaction_log', runId: `log-${age}`, leadsOnFrom });
    const decisions = decide(
      [log(1), log(8, 'copy'), log(20)],
      rules({ retentionDays: 7, retention: { minimumProven: 1 } }),
      NOW,
    );
    expect(kept(decisions)).toEqual(['log-1', 'log-8']);
  });

  it('keeps each level by its own rule', () => {
    const retention = { minimumProven: 1, full: { days: 90 }, incremental: { days: 30 }, transaction_log: { days: 7 } };
    const all = [60, 20, 5].flatMap((ago) =>
      (['full', 'incremental', 'transaction_log'] as BackupLevel[]).map((level) => artefact(ago, { level })),
    );
    const decisions = decide(all, rules({ retentionDays: 1, retention }), NOW);
    expect(kept(decisions).toSorted((a, b) => a.localeCompare(b))).toEqual([
      'full-20',
      'full-5',
      'full-60',
      'incremental-20',
      'incremental-5',
      'transaction_log-5',
    ]);
  });

  it('keeps the last of days, weeks, months and years', () => {
    const daily = Array.from({ length: 800 }, (_, ago) => artefact(ago));
    const retention = { minimumProven: 1, keep: { daily: 3, weekly: 2, monthly: 2, yearly: 2 } };
    const decisions = decide(daily, rules({ retentionDays: 1, retention }), NOW);
    const dates = decisions
      .filter((each) => each.keep)
      .map((each) => each.artefact.startedAt.toISOString().slice(0, 10));
    // Sunday 22 November ends the week before; 31 October the month before; 31 December the year before.
    expect(dates).toEqual(['2026-11-26', '2026-11-25', '2026-11-24', '2026-11-22', '2026-10-31', '2025-12-31']);
  });

  it('keeps what is held or locked, and what a request wanted kept longer', () => {
    const all = [
      artefact(50, { held: true }),
      artefact(51, { lockedUntil: new Date(NOW.getTime() + 1) }),
      artefact(52, { lockedUntil: NOW }),
      artefact(53, { days: 100 }),
      artefact(1),
    ];
    expect(kept(decide(all, rules({ retentionDays: 7 }), NOW))).toEqual(['full-1', 'full-50', 'full-51', 'full-53']);
  });

  it('survives parents that lead in a circle or nowhere', () => {
    const all = [
      artefact(1, { runId: 'a', parentRunId: 'b' }),
      artefact(2, { runId: 'b', parentRunId: 'a' }),
      artefact(3, { runId: 'c', parentRunId: 'gone' }),
    ];
    expect(kept(decide(all, rules({ retentionDays: 7 }), NOW))).toEqual(['a', 'b', 'c']);
  });
});

describe('three years of a weekly full and daily incrementals, with failures', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('never delete what is needed (%i)', (seed) => {
    const random = mulberry(seed);
    const config = {
      retentionDays: 5 + Math.floor(random() * 60),
      ...(random() < 0.5 ? { retentionCount: 1 + Math.floor(random() * 10) } : {}),
      retention: {
        minimumProven: 1 + Math.floor(random() * 3),
        ...(random() < 0.5 ? { keep: { weekly: 4, monthly: 6 } } : {}),
        ...(random() < 0.5 ? { incremental: { days: 3 + Math.floor(random() * 40) } } : {}),
      },
    };
    let standing: KeptArtefact[] = [];
    let parent: string | undefined;
    for (let day = 0; day < 3 * 365; day++) {
      const now = new Date(Date.UTC(2026, 0, 1, 3) + day * DAY);
      if (random() > 0.1) {
        const full = day % 7 === 0 || parent === undefined || !standing.some((each) => each.runId === parent);
        const proven = random() > 0.15;
        const made = {
          ...artefact(0),
          runId: `run-${day}`,
          level: full ? ('full' as const) : ('incremental' as const),
          startedAt: now,
          finishedAt: now,
          proven,
          parentRunId: full ? undefined : parent,
          held: random() < 0.01,
        };
        standing.push(made);
        if (proven) parent = made.runId;
      }
      // Retention runs late, or not at all, on some days.
      if (random() < 0.3) continue;
      const before = standing;
      const stays = new Set(kept(decide(before, rules(config), now)));
      standing = before.filter((each) => stays.has(each.runId));
      expectSound(before, standing, config.retention.minimumProven, config, now);
    }
    expect(standing.length).toBeLessThan(200);
  });
});

function expectSound(
  before: KeptArtefact[],
  after: KeptArtefact[],
  floor: number,
  config: Parameters<typeof policyOf>[0],
  now: Date,
): void {
  const ids = new Set(after.map((each) => each.runId));
  const existed = new Set(before.map((each) => each.runId));
  for (const { parentRunId } of after) {
    if (parentRunId !== undefined && existed.has(parentRunId)) expect(ids).toContain(parentRunId);
  }
  const newest = (all: KeptArtefact[]) =>
    all.filter((each) => each.proven).toSorted((a, b) => b.startedAt.getTime() - a.startedAt.getTime());
  expect(newest(after).slice(0, floor)).toEqual(newest(before).slice(0, floor));
  for (const each of before) {
    const { days, count } = policyOf(config, each.level);
    const young = now.getTime() - each.finishedAt.getTime() <= days * DAY;
    if (each.held || (young && count === undefined)) expect(ids).toContain(each.runId);
  }
}

/** A small generator of numbers that are the same for the same seed. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
