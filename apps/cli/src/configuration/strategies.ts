import {
  METHOD_LEVELS,
  type BackupLevel,
  type BackupMethod,
  type StorageSpec,
  type TargetKind,
} from '@hozen/contracts';

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

/** What makes a full backup of each kind without more being known about it. */
const METHODS: Readonly<Record<TargetKind, BackupMethod | undefined>> = {
  postgres: 'postgres-logical',
  mariadb: 'mariadb-logical',
  files: 'files',
  s3: 's3',
  // Where it is committed to has to be said.
  configuration: undefined,
};

/**
 * Ready-made plans. `standard`: a full backup every week, kept for 90 days, an incremental one every day, kept for 30, and the log every
 * five minutes, kept for 7; of MariaDB a dump every day, kept for 30 days, that of each week for 90; of a folder or a bucket full and incremental ones
 * as of PostgreSQL. `daily`: a full backup every day at two, kept for 30 days. Both prove what stands: in full every month, one that is drawn every week, and another is read back every day.
 * @returns undefined where there is none for this kind of target
 */
export function strategyOf(name: StrategyName, ground: StrategyGround): Strategy | undefined {
  const method = METHODS[ground.kind];
  if (!method) return undefined;
  if (name === 'standard' && ground.kind === 'postgres') return filesAndLog(ground);
  if (name === 'standard' && METHOD_LEVELS[method].includes('incremental')) return increments(ground, method);
  return daily(ground, method, name === 'standard' ? { keep: { weekly: 13 } } : undefined);
}

function filesAndLog(ground: StrategyGround): Strategy {
  const { target, timeZone, keeping } = ground;
  const { configs, schedules } = increments(ground, 'postgres-physical');
  const name = `${target}-log`;
  const kept = { timeZone, compression: 'zstd', ...keeping, retentionDays: 7 };
  return {
    configs: [...configs, { name, target, ...kept, method: 'postgres-wal', level: 'transaction_log' }],
    schedules: [...schedules, { name, cron: '*/5 * * * *', timeZone, request: { config: name } }],
  };
}

function increments({ target, timeZone, keeping }: StrategyGround, method: BackupMethod): Strategy {
  const config = `${target}-files`;
  const at = (level: BackupLevel, cron: string) => ({
    name: `${target}-${level}`,
    cron,
    timeZone,
    request: { config, level },
  });
  return {
    configs: [
      {
        name: config,
        target,
        timeZone,
        compression: 'zstd',
        ...keeping,
        method,
        level: 'incremental',
        retentionDays: 90,
        retention: { full: { days: 90 }, incremental: { days: 30 } },
      },
    ],
    schedules: [at('full', '0 2 * * 0'), at('incremental', '0 2 * * 1-6'), ...proofs(target, timeZone, config)],
  };
}

function daily(
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
