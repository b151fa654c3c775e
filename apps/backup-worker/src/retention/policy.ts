import type { BackupLevel, ConfigSpec } from '@hozen/contracts';

/** What one level of a config is kept by. */
export interface Policy {
  /** An artefact that is older goes. */
  days: number;
  /** Of more than these, the oldest go. */
  count: number | undefined;
  /** The newest of so many days, weeks, months and years stay although they are too old or too many. */
  keep: Readonly<Record<Period, number>>;
}

export const PERIODS = ['daily', 'weekly', 'monthly', 'yearly'] as const;
export type Period = (typeof PERIODS)[number];

/** The policy of a level: what the config says for it, else what it says for all. */
export function policyOf(
  config: Pick<ConfigSpec, 'retentionDays' | 'retentionCount' | 'retention'>,
  level: BackupLevel,
): Policy {
  const own = config.retention?.[level];
  const keep = own?.keep ?? config.retention?.keep;
  return {
    days: own?.days ?? config.retentionDays,
    count: own?.count ?? config.retentionCount,
    keep: {
      daily: keep?.daily ?? 0,
      weekly: keep?.weekly ?? 0,
      monthly: keep?.monthly ?? 0,
      yearly: keep?.yearly ?? 0,
    },
  };
}
