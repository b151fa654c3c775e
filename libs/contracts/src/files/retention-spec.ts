import 'reflect-metadata';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, Max, Min, ValidateNested } from 'class-validator';

/** So many newest days, weeks, months and years keep their last backup, although it is too old or one too many. */
export class KeepSpec {
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(3_660)
  daily?: number;

  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(520)
  weekly?: number;

  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(600)
  monthly?: number;

  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(100)
  yearly?: number;
}

/** For one level, instead of what the config says for all. */
export class LevelRetentionSpec {
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(36_500)
  days?: number;

  @IsOptional()
  @IsInt()
  @Min(1)
  count?: number;

  @IsOptional()
  @ValidateNested()
  @Type(() => KeepSpec)
  keep?: KeepSpec;
}

export class RetentionSpec {
  /** So many newest proven backups stay whatever the rules say. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1000)
  minimumProven: number = 1;

  @IsOptional()
  @ValidateNested()
  @Type(() => KeepSpec)
  keep?: KeepSpec;

  @IsOptional()
  @ValidateNested()
  @Type(() => LevelRetentionSpec)
  full?: LevelRetentionSpec;

  @IsOptional()
  @ValidateNested()
  @Type(() => LevelRetentionSpec)
  differential?: LevelRetentionSpec;

  @IsOptional()
  @ValidateNested()
  @Type(() => LevelRetentionSpec)
  incremental?: LevelRetentionSpec;

  @IsOptional()
  @ValidateNested()
  @Type(() => LevelRetentionSpec)
  transaction_log?: LevelRetentionSpec;
}
