import { IsInt, IsOptional, Max, Min } from 'class-validator';

/** From when on people are told that a storage fills (BATCH-101 §7.1): of the disk of a folder, or of the quota of a bucket. */
export class UsageSpec {
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(100)
  warningPercent: number = 80;

  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(100)
  criticalPercent: number = 95;
}
