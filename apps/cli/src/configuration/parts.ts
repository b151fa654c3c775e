import {
  isPart,
  isServerTarget,
  kindOf,
  type BackupConfiguration,
  type BackupsFile,
  type MaintenanceConfiguration,
  type NotificationConfiguration,
  type AnyTargetSpec,
  type ScheduleConfiguration,
  type TargetSpec,
} from '@hozen/contracts';
import type { Service } from '../services/addresses.js';

/** The part of a file that one service keeps. */
export interface Part {
  service: Service;
  body: BackupConfiguration | ScheduleConfiguration | MaintenanceConfiguration | NotificationConfiguration;
}

/**
 * Cuts a file into the parts of the services, in the order in which they are applied: who refers comes after who is
 * referred to, so that a schedule never fires for a config that is not there yet.
 */
export function partsOf(file: BackupsFile): Part[] {
  const { targets, configs, schedules, recipients, rules } = file;
  return [
    { service: 'notifier', body: { recipients, rules } },
    { service: 'backup-worker', body: { targets, configs } },
    {
      service: 'maintenance-worker',
      body: { targets: targets.filter(isPostgres), backupConfigs: {}, proposedConfigs: safetyConfigs(file) },
    },
    { service: 'scheduler', body: { schedules } },
  ];
}

function isPostgres(target: AnyTargetSpec): target is TargetSpec {
  return isServerTarget(target) && target.kind === 'postgres';
}

/** The first full-level config of each target that leaves nothing out makes its safety backups, where no other does yet. */
function safetyConfigs({ configs }: BackupsFile): Record<string, string> {
  const chosen: Record<string, string> = {};
  for (const config of configs) {
    const { name, target, level, method } = config;
    if (level === 'full' && kindOf(method) === 'postgres' && !isPart(config)) chosen[target] ??= name;
  }
  return chosen;
}
