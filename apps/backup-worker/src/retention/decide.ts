import type { BackupLevel } from '@hozen/contracts';
import { PERIODS, type Period, type Policy } from './policy.js';
import { periodKeys } from './period-keys.js';

/** One artefact of a config, as far as its keeping depends on it. */
export interface KeptArtefact {
  runId: string;
  level: BackupLevel;
  startedAt: Date;
  /** Its age counts from here. */
  finishedAt: Date;
  /** Read back or restored, and found good. What is not proven protects nobody. */
  proven: boolean;
  /** Found in storage, and nobody has looked yet whether it is good. */
  unread: boolean;
  /** A true copy of damaged data. */
  damaged: boolean;
  /** A verification found it, or what it builds on, to be bad. */
  bad: boolean;
  /** Run that made the artefact without which this one cannot be restored. */
  parentRunId: string | undefined;
  /** Run of the oldest copy of files from which points in time can be restored by it. */
  leadsOnFrom: string | undefined;
  /** Days that the request asked for, instead of the config's. */
  days: number | undefined;
  /** Somebody holds it. */
  held: boolean;
  /** The storage does not delete it before. */
  lockedUntil: Date | undefined;
}

export type KeepReason =
  | { kind: 'young'; days: number }
  | { kind: 'period'; period: Period }
  | { kind: 'floor'; proven: number }
  | { kind: 'damage' | 'bad' }
  | { kind: 'held' }
  | { kind: 'unread' }
  | { kind: 'locked'; until: Date }
  | { kind: 'needed'; by: string };

export type ExpireReason = { kind: 'old'; days: number } | { kind: 'surplus'; count: number };

export type Decision =
  | { artefact: KeptArtefact; keep: true; reasons: KeepReason[] }
  | { artefact: KeptArtefact; keep: false; reasons: ExpireReason[] };

export interface Rules {
  policyOf(level: BackupLevel): Policy;
  /** So many of the newest proven backups, and of the newest proven full ones, stay, whatever else is said. */
  minimumProven: number;
  timeZone: string;
}

/**
 * What of a config's artefacts stays, and why. Nothing is deleted that is younger than its days and among its count, that
 * a period keeps, that is among the newest proven ones, held, locked, not looked at yet, or needed by anything that stays.
 */
export function decide(artefacts: readonly KeptArtefact[], rules: Rules, now: Date): Decision[] {
  const newestFirst = artefacts.toSorted((a, b) => b.startedAt.getTime() - a.startedAt.getTime());
  const kept = new Map<string, KeepReason[]>();
  const expired = new Map<string, ExpireReason[]>();
  const keep = (artefact: KeptArtefact, reason: KeepReason) =>
    kept.set(artefact.runId, [...(kept.get(artefact.runId) ?? []), reason]);

  for (const level of new Set(newestFirst.map((each) => each.level))) {
    const policy = rules.policyOf(level);
    const ofLevel = newestFirst.filter((each) => each.level === level);
    const proven = ofLevel.filter((each) => each.proven);
    for (const artefact of ofLevel) {
      const reasons = expiry(artefact, proven, policy, now);
      if (reasons.length > 0) expired.set(artefact.runId, reasons);
      else keep(artefact, { kind: 'young', days: artefact.days ?? policy.days });
    }
    for (const period of PERIODS) {
      for (const artefact of newestOfPeriods(proven, period, policy.keep[period], rules.timeZone)) {
        keep(artefact, { kind: 'period', period });
      }
    }
  }
  const proven = newestFirst.filter((each) => each.proven);
  const fulls = proven.filter((each) => each.level === 'full');
  for (const artefact of new Set([proven, fulls].flatMap((each) => each.slice(0, rules.minimumProven)))) {
    keep(artefact, { kind: 'floor', proven: rules.minimumProven });
  }
  for (const artefact of artefacts) {
    if (artefact.leadsOnFrom !== undefined) keep(artefact, { kind: 'needed', by: artefact.leadsOnFrom });
    if (artefact.held) keep(artefact, { kind: 'held' });
    // It may be the only good one: nothing else can be said to protect.
    if (artefact.unread) keep(artefact, { kind: 'unread' });
    if (artefact.lockedUntil && artefact.lockedUntil > now) {
      keep(artefact, { kind: 'locked', until: artefact.lockedUntil });
    }
  }
  // The newest backup is bad, or of damaged data: whatever is older may be needed.
  const [newest] = newestFirst;
  const kind = newest?.bad ? 'bad' : 'damage';
  if (newest?.bad || newest?.damaged) for (const artefact of artefacts) keep(artefact, { kind });
  keepWhatIsNeeded(artefacts, kept, keep);

  return newestFirst.map((artefact) => {
    const reasons = kept.get(artefact.runId);
    return reasons
      ? { artefact, keep: true, reasons }
      : { artefact, keep: false, reasons: expired.get(artefact.runId) ?? [] };
  });
}

/** Only proven artefacts count as newer ones: bad backups must not push a good one out. */
function expiry(artefact: KeptArtefact, proven: readonly KeptArtefact[], policy: Policy, now: Date): ExpireReason[] {
  const days = artefact.days ?? policy.days;
  const age = now.getTime() - artefact.finishedAt.getTime();
  const newer = proven.filter((each) => each.startedAt > artefact.startedAt).length;
  return [
    ...(age > days * 86_400_000 ? [{ kind: 'old' as const, days }] : []),
    ...(policy.count !== undefined && newer >= policy.count ? [{ kind: 'surplus' as const, count: policy.count }] : []),
  ];
}

/** The newest artefact of each of the last `count` periods in which there is one. */
function newestOfPeriods(
  newestFirst: readonly KeptArtefact[],
  period: Period,
  count: number,
  timeZone: string,
): KeptArtefact[] {
  const found = new Map<string, KeptArtefact>();
  for (const artefact of newestFirst) {
    if (found.size >= count) break;
    const key = periodKeys(artefact.startedAt, timeZone)[period];
    if (!found.has(key)) found.set(key, artefact);
  }
  return [...found.values()];
}

/** Whole chains: a parent stays as long as anything that stays is restored from it. */
function keepWhatIsNeeded(
  artefacts: readonly KeptArtefact[],
  kept: ReadonlyMap<string, KeepReason[]>,
  keep: (artefact: KeptArtefact, reason: KeepReason) => void,
): void {
  const byRun = new Map(artefacts.map((each) => [each.runId, each]));
  for (const artefact of artefacts.filter((each) => kept.has(each.runId))) {
    const seen = new Set([artefact.runId]);
    let parent = artefact.parentRunId;
    while (parent !== undefined && !seen.has(parent)) {
      seen.add(parent);
      const needed = byRun.get(parent);
      if (!needed) break;
      keep(needed, { kind: 'needed', by: artefact.runId });
      parent = needed.parentRunId;
    }
  }
}
