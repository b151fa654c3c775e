import type { UsageLevel, UsageSpec } from '@hozen/contracts';

/** So many percent points below a threshold it counts as left: a disk that swings around it would be told of all day. */
const BACK_PERCENT = 2;

/** @param before the level that was told last */
export function levelOf(
  usedPercent: number,
  { warningPercent, criticalPercent }: UsageSpec,
  before: UsageLevel,
): UsageLevel {
  const isAbove = (threshold: number, wasAbove: boolean) =>
    usedPercent > (wasAbove ? threshold - BACK_PERCENT : threshold);
  if (isAbove(criticalPercent, before === 'critical')) return 'critical';
  return isAbove(warningPercent, before !== 'ok') ? 'warning' : 'ok';
}
