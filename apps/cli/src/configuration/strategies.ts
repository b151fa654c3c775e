import type { BackupMethod, StorageSpec, TargetKind } from '@hozen/contracts';

export const STRATEGIES = ['standard', 'daily'] as const;
export type StrategyName = (typeof STRATEGIES)[number];

/** What a strategy is made for. */
export interface StrategyGround {
  target: string;
  kind: TargetKind;
  timeZone: string;
  /** Where and how everything is kept. */
  keeping: { storage: StorageSpec | object; [field: string]: unknown };
}

/** Configs and schedules as a `backups.yaml` would have them. */
export interface Strategy {
  configs: object[];
  schedules: object[];
}

const LOGICAL: Readonly<Partial<Record<TargetKind, BackupMethod>>> = {
  postgres: 'postgres-logical',
  mariadb: 'mariadb-logical',
};

/**
 * Ready-made plans. `standard`: a full backup every week, kept for 90 days, an incremental one every day, kept for 30, and the log every
 * five minutes, kept for 7; of MariaDB a dump every day, kept for 30 days, that of each week for 90. `daily`: a dump every day at two, kept for
 * 30 days. Both prove what stands: in full every month, one that is drawn every week, and another is read back every day.
 * @returns undefined where there is none for this kind of target
 */
export function strategyOf(name: StrategyName, ground: StrategyGround): Strategy | undefined {
  const logical = LOGICAL[ground.kind];
  if (!logical) return undefined;
  if (name === 'standard' && ground.kind === 'postgres') return filesAndLog(ground);
  return dump(ground, logical, name === 'standard' ? { keep: { weekly: 13 } } : undefined);
}

function filesAndLog({ target, timeZone, keeping }: StrategyGround): Strategy {
  const shared = { target, timeZone, compression: 'zstd', ...keeping };
  const [files, log] = [`${target}-files`, `${target}-log`];
  const at = (name: string, cron: string, request: object) => ({ name, cron, timeZone, request });
  return {
    configs: [
      {
        name: files,
        ...shared,
        method: 'postgres-physical',
        level: 'incremental',
        retentionDays: 90,
        retention: { full: { days: 90 }, incremental: { days: 30 } },
      },
      { name: log, ...shared, method: 'postgres-wal', level: 'transaction_log', retentionDays: 7 },
    ],
    schedules: [
      at(`${target}-full`, '0 2 * * 0', { config: files, level: 'full' }),
      at(`${target}-incremental`, '0 2 * * 1-6', { config: files, level: 'incremental' }),
      at(log, '*/5 * * * *', { config: log }),
      ...proofs(target, timeZone, files),
    ],
  };
}

function dump(
  { target, timeZone, keeping }: StrategyGround,
  method: BackupMethod,
  retention: object | undefined,
): Strategy {
  const name = `${target}-daily`;
  return {
    configs: [{ name, target, timeZone, ...keeping, method, retentionDays: 30, ...(retention ? { retention } : {}) }],
    schedules: [{ name, cron: '0 2 * * *', timeZone, request: { config: name } }, ...proofs(target, timeZone, name)],
  };
}

function proofs(target: string, timeZone: string, config: string): object[] {
  const at = (kind: string, cron: string) => ({
    name: `${target}-${kind}-proof`,
    cron,
    timeZone,
    event: 'verification.requested',
    request: { config, kind },
  });
  return [at('full', '0 4 1 * *'), at('sample', '0 4 * * 6'), at('spot', '0 5 * * *')];
}
