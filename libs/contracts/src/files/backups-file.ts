import 'reflect-metadata';
import { Type } from 'class-transformer';
import { IsArray, IsObject, IsOptional, ValidateNested } from 'class-validator';
import { ConfigSpec } from './config-spec.js';
import { MaintenanceSettingsSpec } from './maintenance-settings.js';
import { NotificationRuleSpec, RecipientSpec } from './recipient-spec.js';
import { ScheduleSpec } from './schedule-spec.js';
import { AreTargets, type AnyTargetSpec, type TargetSpec } from './target-spec.js';

/** `backups.yaml`: everything that `hozen apply` puts in place. */
export class BackupsFile {
  @IsOptional()
  @IsArray()
  @AreTargets()
  targets: AnyTargetSpec[] = [];

  @IsOptional()
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => ConfigSpec)
  configs: ConfigSpec[] = [];

  @IsOptional()
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => ScheduleSpec)
  schedules: ScheduleSpec[] = [];

  @IsOptional()
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => RecipientSpec)
  recipients: RecipientSpec[] = [];

  @IsOptional()
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => NotificationRuleSpec)
  rules: NotificationRuleSpec[] = [];
}

/** Part of the file that the backup worker keeps. */
export class BackupConfiguration {
  @IsArray()
  @AreTargets()
  targets!: AnyTargetSpec[];

  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => ConfigSpec)
  configs!: ConfigSpec[];
}

/** Part of the file that the scheduler keeps. */
export class ScheduleConfiguration {
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => ScheduleSpec)
  schedules!: ScheduleSpec[];
}

/** Part of the file that the maintenance worker keeps: its own copy of the targets, and a config for the safety backup. */
export class MaintenanceConfiguration {
  @IsArray()
  @AreTargets()
  targets!: TargetSpec[];

  /** Target name → backup config used for the safety backup. */
  @IsObject()
  backupConfigs!: Record<string, string>;

  /** The same for targets that have none yet. */
  @IsOptional()
  @IsObject()
  proposedConfigs?: Record<string, string>;

  /** Limits and thresholds of targets; one that is not named keeps what it has, or the defaults. */
  @IsOptional()
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => MaintenanceSettingsSpec)
  settings?: MaintenanceSettingsSpec[];
}

/** Part of the file that the notifier keeps. */
export class NotificationConfiguration {
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => RecipientSpec)
  recipients!: RecipientSpec[];

  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => NotificationRuleSpec)
  rules!: NotificationRuleSpec[];
}
