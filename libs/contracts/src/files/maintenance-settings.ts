import { Type } from 'class-transformer';
import { IsInt, IsNotEmpty, IsOptional, IsString, Max, Min, ValidateNested } from 'class-validator';
import { RetrySpec } from './retry-spec.js';

/** Retries of maintenance by class of error. Defaults: BATCH-905 §6.2. */
export class MaintenanceRetriesSpec {
  /** The server is away or a lock is not granted. */
  @IsOptional()
  @ValidateNested()
  @Type(() => RetrySpec)
  transient: RetrySpec = RetrySpec.of(2, 60, false);

  /** Disk, memory or connection slots have run out. */
  @IsOptional()
  @ValidateNested()
  @Type(() => RetrySpec)
  resources: RetrySpec = RetrySpec.of(1, 300, false);

  /** Damaged pages, or an index that is still invalid after it was rebuilt. */
  @IsOptional()
  @ValidateNested()
  @Type(() => RetrySpec)
  integrity: RetrySpec = RetrySpec.of(1, 600, false);
}

/** From where on something counts as a finding, and an index as worth rebuilding. */
export class MaintenanceThresholdsSpec {
  /** Open transactions older than this hold back the clean-up of every table. */
  @IsOptional()
  @IsInt()
  @Min(1)
  longTransactionSeconds: number = 300;

  /** Share of dead rows in a table. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(100)
  deadRowsPercent: number = 20;

  /** Share of rows changed since the table was last analysed. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(100)
  staleRowsPercent: number = 10;

  /** Estimated share of an index that is empty; smaller ones are left alone. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(100)
  indexBloatPercent: number = 30;

  /** Indexes smaller than this are not worth rebuilding for bloat. */
  @IsOptional()
  @IsInt()
  @Min(0)
  indexBloatMinMegabytes: number = 100;

  /** Age of the oldest transaction id in millions, of at most 2,147 that there are. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(2_000)
  wraparoundMillions: number = 500;

  /** Megabytes of WAL that a replication slot holds back. */
  @IsOptional()
  @IsInt()
  @Min(1)
  slotRetainedMegabytes: number = 10_240;

  /** Share of connections in use. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(100)
  connectionsPercent: number = 80;

  /** Share of the disk that is still free, where it can be seen. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(100)
  diskFreePercent: number = 10;
}

/** How the maintenance of one target is done (TBL-098). */
export class MaintenanceSettingsSpec {
  @IsString()
  @IsNotEmpty()
  target!: string;

  /** The whole run, waiting for the safety backup included (BATCH-905 §3.1). */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(10_080)
  timeoutMinutes: number = 180;

  /** How long the safety backup may take, from its request to its event. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(10_080)
  backupWaitMinutes: number = 150;

  /** How long a step waits for one and the same session that is in its way. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(86_400)
  lockWaitSeconds: number = 60;

  @IsOptional()
  @ValidateNested()
  @Type(() => MaintenanceRetriesSpec)
  retries: MaintenanceRetriesSpec = new MaintenanceRetriesSpec();

  @IsOptional()
  @ValidateNested()
  @Type(() => MaintenanceThresholdsSpec)
  thresholds: MaintenanceThresholdsSpec = new MaintenanceThresholdsSpec();
}
