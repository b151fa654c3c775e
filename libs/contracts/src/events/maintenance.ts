import 'reflect-metadata';
import { Type } from 'class-transformer';
import {
  ArrayNotEmpty,
  IsArray,
  IsDefined,
  IsIn,
  IsInt,
  IsISO8601,
  IsNotEmpty,
  IsOptional,
  IsString,
  Matches,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { MAINTENANCE_SEVERITIES, MAINTENANCE_TYPES, type MaintenanceSeverity, type MaintenanceType } from '../words.js';
import { ErrorFacts } from './backup.js';
import { RejectionReason } from './rejection.js';

/** `maintenance.requested`: emergency maintenance (BATCH-905 §3.3). */
export class MaintenanceRequested {
  /** Name of the target. */
  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  target!: string;

  @IsIn(MAINTENANCE_TYPES)
  maintenanceType!: MaintenanceType;

  /** Databases to work on; at least one. */
  @IsArray()
  @ArrayNotEmpty()
  @IsString({ each: true })
  @IsNotEmpty({ each: true })
  targetDatabases!: string[];

  @IsIn(MAINTENANCE_SEVERITIES)
  severityLevel!: MaintenanceSeverity;

  /** Backup config for the safety backup; default: the one in `maintenance_settings`. */
  @IsOptional()
  @IsString()
  @MaxLength(200)
  backupConfig?: string;

  @IsOptional()
  @IsString()
  @MaxLength(1000)
  reason?: string;

  @IsOptional()
  @IsString()
  @MaxLength(200)
  requestedBy?: string;
}

export class MaintenanceRunFacts {
  @Matches(/^[0-9a-f-]{36}$/)
  runId!: string;

  @IsString()
  @IsNotEmpty()
  requestId!: string;

  @IsString()
  @IsNotEmpty()
  target!: string;

  @IsIn(MAINTENANCE_TYPES)
  maintenanceType!: MaintenanceType;

  @IsArray()
  @IsString({ each: true })
  targetDatabases!: string[];

  @IsIn(MAINTENANCE_SEVERITIES)
  severityLevel!: MaintenanceSeverity;
}

export class MaintenanceAccepted extends MaintenanceRunFacts {}

export class MaintenanceRejected {
  @IsString()
  @IsNotEmpty()
  requestId!: string;

  @IsOptional()
  @IsString()
  target?: string;

  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => RejectionReason)
  reasons!: RejectionReason[];
}

export class MaintenanceStarted extends MaintenanceRunFacts {
  @IsISO8601()
  startedAt!: string;
}

/** `maintenance.completed`: everything planned was done. Terminal. */
export class MaintenanceCompleted extends MaintenanceRunFacts {
  @IsISO8601()
  startedAt!: string;

  @IsISO8601()
  finishedAt!: string;

  /** Run of the safety backup that was taken before. */
  @IsString()
  backupRunId!: string;

  /** Tables vacuumed and analysed. */
  @IsInt()
  @Min(0)
  tablesVacuumed!: number;

  /** Indexes rebuilt. */
  @IsInt()
  @Min(0)
  indexesRebuilt!: number;

  @IsArray()
  @IsString({ each: true })
  findings!: string[];
}

/** `maintenance.failed`. Terminal. */
export class MaintenanceFailed extends MaintenanceRunFacts {
  @IsOptional()
  @IsISO8601()
  startedAt?: string;

  @IsISO8601()
  finishedAt!: string;

  @IsDefined()
  @ValidateNested()
  @Type(() => ErrorFacts)
  error!: ErrorFacts;
}
